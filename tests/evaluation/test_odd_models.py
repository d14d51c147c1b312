"""A study with models as people have them: each that cannot be used is a row, the others score."""

import shutil

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from cood.catalogue.sources import local_source
from cood.evaluation.accuracy.accuracy import score_accuracy
from cood.evaluation.accuracy.baselines import score_baselines
from cood.evaluation.collect import collect
from cood.evaluation.embed.embed import embed_model
from cood.evaluation.interventions.dimension_swap import swap_dimensions
from cood.evaluation.linear_probe.linear_probe import score_linear_probe
from cood.evaluation.representation.representation_metrics import score_representation
from cood.files import read_table
from cood.pipeline.run import _report_skipped
from tests.models.test_odd_models import TINY, made

WEIGHTS, CONFIG = "open_clip_model.safetensors", "open_clip_config.json"
SIZED = {**TINY["vision_cfg"], "image_size": [32, 48]}


def quiet(text):
    pass


@pytest.fixture
def study(copied, parse, tmp_path):
    """Models: one that works, and others that do not or not quite; all scored and joined."""
    few = copied.paths.model("few")
    for name in ("good", "diverged", "cut off", "silent"):
        shutil.copytree(few, tmp_path / name)
    weights = load_file(few / WEIGHTS)
    weights["text_projection"][0, 0] = float("nan")
    save_file(weights, tmp_path / "diverged" / WEIGHTS)
    content = (few / WEIGHTS).read_bytes()
    (tmp_path / "cut off" / WEIGHTS).write_bytes(content[: len(content) // 2])
    weights = {name: value * 0 for name, value in load_file(few / WEIGHTS).items()}
    save_file(weights, tmp_path / "silent" / WEIGHTS)
    made(tmp_path / "oblong", {**TINY, "vision_cfg": SIZED}, None)
    named = ("good", "diverged", "cut off", "silent", "oblong")
    models = {n.replace(" ", "-"): {"checkpoint": local_source(tmp_path / n)} for n in named}
    study = parse(models=models)
    for model in study.models:
        embed_model(study, model, quiet)
        for stage in (
            score_accuracy,
            score_linear_probe,
            swap_dimensions,
            score_representation,
        ):
            stage(study, model)
    score_baselines(study)
    collect(study)
    return study


@pytest.mark.filterwarnings("ignore::cood.metrics.result.MetricWarning")
def test_one_bad_model_costs_one_row(study, capsys):
    models = read_table(study.paths.models).set_index("model")
    missing = models["missing"]
    assert (missing == "").tolist() == [True, False, False, False, True]
    assert "tensors hold NaN or infinity (text_projection)" in missing["diverged"]
    assert "damaged or incomplete" in missing["cut-off"]
    assert "embeddings of compositions are zero" in missing["silent"]
    assert models.loc["oblong", "resolution"] == pytest.approx(np.sqrt(32 * 48))
    assert "gives no mean and std" in models.loc["oblong", "notes"]
    assert (models.loc[["good", "diverged"], "notes"] == "").all()
    scores = read_table(study.paths.scores)
    counts = scores.groupby("model").size()
    assert counts["good"] > 100
    assert counts["oblong"] > 100
    for name in ("diverged", "cut-off", "silent"):
        own = scores[scores["model"] == name]
        assert set(own["note"]) == {missing[name]}
        assert own["value"].isna().all()
    _report_skipped(study)
    said = capsys.readouterr().err
    assert "skipped: silent: model" in said
    assert "note: oblong: open_clip_config.json gives no mean" in said
