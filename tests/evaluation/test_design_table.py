"""The table of a design, as asked and as realised."""

import numpy as np
import pandas as pd
import pytest
import yaml

from cood.evaluation.design_table import tabulate_design
from cood.files import read_table, write_table
from cood.settings.study_file import load_study
from cood.splits import core
from cood.training_set import training_captions

FACTORS = {
    "share": {"low": 0.6, "high": 1.0},
    "skew": {"low": 0, "high": 1},
    "wrong_captions": {"low": 0, "high": 0.5},
    "treatment": {"levels": ["none", "orthogonality"]},
    "strength": {"orthogonality": {"low": 0.5, "high": 2.0}},
}


@pytest.fixture
def designed(project, settings):
    """A study with a design, with captions and losses of its models, but no weights."""
    design = {"models": 10, "seed": 1, "replicates": 1, "factors": FACTORS}
    settings["defaults"] |= {"images": 400, "steps": 50}
    sections = {**settings, "design": design, "models": {"by-hand": {"share": 0.7, "seed": 50}}}
    file = project / "workflow" / "studies" / "tiny.yaml"
    file.write_text(yaml.safe_dump(sections))
    study = load_study("tiny")
    losses = pd.DataFrame({"step": [1, 25, 50], "loss": [2.0, 1.5, 1.0]})
    for name, model in study.trained.items():
        folder = study.paths.model(name)
        write_table(training_captions(study, model), folder / "captions.parquet")
        write_table(losses, folder / "training.parquet")
    return study


def test_each_model_of_the_design_has_a_row(designed):
    table = tabulate_design(designed)
    pd.testing.assert_frame_equal(read_table(designed.paths.design), table)
    assert list(table["model"]) == [*designed.design.names(), "m001-replicate"]
    assert table.set_index("model")["replicate_of"].to_dict()["m001-replicate"] == "m001"
    assert (table["replicate_of"] == "").sum() == 10
    for row in table.itertuples():
        model = designed.trained[row.model]
        assert (row.share, row.skew, row.strength) == (model.share, model.skew, model.strength)


def test_realised_values_are_those_of_the_captions(designed):
    table = tabulate_design(designed).set_index("model")
    outside = designed.words.size - len(core(designed))
    for name, row in table.iterrows():
        captions = training_captions(designed, designed.trained[name])
        assert row["compositions"] == captions["composition"].nunique()
        assert row["share_realised"] == row["compositions"] / outside
        assert row["share_realised"] == pytest.approx(row["share"], abs=0.5 / outside)
        assert row["wrong_captions_realised"] == captions["wrong"].mean()
        assert row["wrong_captions_realised"] <= row["wrong_captions"] + 1 / len(captions)
    # Least-squares slopes of the logarithms, and no slope where all are equally frequent.
    counts = training_captions(designed, designed.trained["m001"])["composition"].value_counts()
    x, y = np.log(np.arange(1, len(counts) + 1)), np.log(counts.to_numpy())
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    assert table.loc["m001", "skew_realised"] == pytest.approx(-slope)
    ordered = table.sort_values("skew")["skew_realised"]
    assert ordered.iloc[0] < ordered.iloc[-1]


@pytest.mark.parametrize(
    ("losses", "diverged"),
    [([2.0, 1.0, 0.5], False), ([2.0, 1.0, np.nan], True), ([2.0, 2.5, 2.0], True)],
)
def test_a_model_that_diverged_is_named(designed, losses, diverged):
    training = pd.DataFrame({"step": [1, 2, 3], "loss": losses})
    write_table(training, designed.paths.model("m004") / "training.parquet")
    table = tabulate_design(designed).set_index("model")
    assert table.loc["m004", "diverged"] == diverged
    assert not table["diverged"].drop("m004").any()
