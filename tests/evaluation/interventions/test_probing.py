import numpy as np
import pandas as pd
import pytest

from cood.cli import main
from cood.errors import ArtefactError
from cood.evaluation.accuracy.zero_shot import COLUMNS
from cood.evaluation.interventions.probing import swap_dimensions_of_model
from cood.files import read_table, write_tensors

KEYS = ["set", "split", "group", "space", "metric", "variant"]


def test_probes_of_a_model(copied):
    table = swap_dimensions_of_model(copied, "few")
    pd.testing.assert_frame_equal(read_table(copied.paths.model_dimension_swap("few")), table)
    assert tuple(table.columns) == COLUMNS
    assert not table.duplicated(KEYS).any()
    assert set(table["space"]) == {"image", "text"}
    assert (table["seconds"] > 0).all()
    asked = table.query("metric == 'retrieval_top1' and variant == 'swap'").set_index("split")
    # `few` is the smallest model: what it saw is what all saw.
    assert asked.loc["seen", "n"] == asked.loc["shared", "n"]
    assert asked.loc[["shared", "partial", "unseen"], "n"].sum() == 2500
    assert {"swapped_zero_shot", "shared_dimensions", "attribute_accuracy"} <= set(table["metric"])


def test_probing_again_gives_the_same_scores(copied):
    one, other = (swap_dimensions_of_model(copied, "few").drop(columns="seconds") for _ in range(2))
    pd.testing.assert_frame_equal(one, other)


def test_a_model_that_could_not_be_had_is_one_row_with_the_reason(copied):
    write_tensors({}, copied.paths.embeddings("most", "ao"), {"missing": "no network"})
    (row,) = swap_dimensions_of_model(copied, "most").to_dict("records")
    assert (row["model"], row["note"], row["n"]) == ("most", "no network", 0)
    assert np.isnan(row["value"])


def test_probing_before_embedding_is_told(copied):
    with pytest.raises(ArtefactError, match=r"most/ao.safetensors does not exist"):
        swap_dimensions_of_model(copied, "most")


def test_from_the_command_line(copied, capsys):
    study = ["--study", "tiny"]
    assert main(["probe", *study, "--model", "few"]) == 0
    assert copied.paths.model_dimension_swap("few").is_file()
    assert main(["probe", *study, "--model", "fwe"]) == 1
    assert "unknown model 'fwe'; did you mean few?" in capsys.readouterr().err
