import numpy as np
import pandas as pd
import pytest

from cood.evaluation.common.nearest import normalise
from cood.evaluation.common.score_table import TRAINING_DYNAMICS, check
from cood.evaluation.representation.training_dynamics import score_training_dynamics
from cood.files import read_table, read_tensors, write_tensors
from cood.metrics.rank import effective_rank
from cood.splits import seen

pytestmark = pytest.mark.filterwarnings("ignore::cood.metrics.result.MetricWarning")


def test_measures_at_every_moment(copied):
    table = score_training_dynamics(copied, "few")
    pd.testing.assert_frame_equal(read_table(copied.paths.model_training_dynamics("few")), table)
    check(table, TRAINING_DYNAMICS)
    moments, _ = read_tensors(copied.paths.model("few") / "moments.safetensors")
    assert list(dict.fromkeys(table["step"])) == moments["steps"].tolist()
    assert len(table) % len(moments["steps"]) == 0
    ranks = table[(table["metric"] == "effective_rank") & (table["space"] == "text")]
    for value, codes in zip(ranks["value"], moments["texts"], strict=True):
        assert value == pytest.approx(effective_rank(normalise(codes), relative=True).value)


def test_accuracy_of_planted_embeddings(copied):
    size = copied.words.size
    trained = seen(copied, copied.models["few"])
    unseen = np.setdiff1d(np.arange(size), trained)
    texts = np.eye(size, dtype=np.float32)
    images = texts.copy()
    images[unseen[0]] = texts[trained[0]]  # one of the unseen is taken for a trained one
    moments = {"steps": np.array([3]), "images": images[None], "texts": texts[None]}
    write_tensors(moments, copied.paths.model("few") / "moments.safetensors", {"model": "few"})
    table = score_training_dynamics(copied, "few")
    both = table[table["metric"] == "pair_top1"].set_index("split")
    assert set(both["space"]) == {"both"}
    assert both.loc["unseen", "value"] == pytest.approx(1 - 1 / len(unseen))
    assert both.loc["seen", "value"] == 1
    assert both["n"].to_dict() == {"unseen": len(unseen), "seen": len(trained)}
    assert (both["chance"] == 1 / size).all()
