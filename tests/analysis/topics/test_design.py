"""Columns of the design, as the analysis takes them."""

import shutil

import numpy as np
import pandas as pd
import pytest

from cood.analysis.reference import Reference
from cood.analysis.results import Results, select
from cood.analysis.topics.design import design_columns
from cood.errors import StudyError
from cood.files import read_table, write_table
from cood.paths import Paths

LAB = [
    "share",
    "images",
    "steps",
    "skew",
    "wrong_captions",
    "pair_captions",
    "learning_rate",
    "embed_dim",
    "image_tower=byobnet",
    "text_tower=bidirectional",
    "orthogonality",
    "orthogonality_placebo",
    "additivity",
    "additivity_placebo",
    "strength",
]


@pytest.fixture
def lab(simulate):
    """A study of 32 models with the design of `lab`, of which two points are trained twice."""
    return simulate(models=32, arms="lab", replicates=2)


def test_columns_are_the_realised_values(lab):
    columns = design_columns(lab)
    assert list(columns) == LAB
    assert list(columns.index) == [f"m{i:03d}" for i in range(1, 33)]
    table = read_table(lab.study.paths.design).set_index("model").loc[columns.index]
    assert columns["share"].to_numpy() == pytest.approx(np.log2(table["share_realised"]))
    assert columns["images"].to_numpy() == pytest.approx(np.log2(table["images_realised"]))
    assert columns["skew"].to_numpy() == pytest.approx(table["skew_realised"])
    assert columns["embed_dim"].to_numpy() == pytest.approx(np.log2(table["embed_dim"]))
    byobnet = columns["image_tower=byobnet"] == 1
    assert set(table.loc[byobnet, "image_tower"]) == {"byobnet"}
    assert columns[LAB[8:14]].isin([0, 1]).all(axis=None)


def test_the_strength_is_centred_within_its_arm_and_0_without_one(lab):
    columns = design_columns(lab)
    table = read_table(lab.study.paths.design).set_index("model").loc[columns.index]
    means = columns["strength"].groupby(table["treatment"]).mean()
    assert means.to_numpy() == pytest.approx(np.zeros(5), abs=1e-12)
    assert (columns.loc[table["treatment"] == "none", "strength"] == 0).all()
    arm = table.index[table["treatment"] == "additivity"]
    difference = columns.loc[arm, "strength"] - np.log2(table.loc[arm, "strength"])
    assert np.ptp(difference) == pytest.approx(0, abs=1e-12)
    arms = columns[["orthogonality", "additivity_placebo"]].to_numpy().T
    treatments = table["treatment"].to_numpy()
    assert [set(treatments[arm == 1]) for arm in arms] == [
        {"orthogonality"},
        {"additivity_placebo"},
    ]


def test_columns_that_do_not_vary_are_left_out(lab, simulate):
    small = simulate(models=24)
    arms = ["orthogonality", "orthogonality_placebo", "strength"]
    assert list(design_columns(small)) == [*LAB[:5], *arms]
    design = read_table(small.study.paths.design)
    write_table(design.assign(steps_realised=500), small.study.paths.design)
    assert "steps" not in design_columns(small)
    some = design_columns(select(small, "m001, m003"))
    assert list(some.index) == ["m001", "m003"]


def test_a_reference_run_gives_the_same_columns(lab, tmp_path):
    paths = Paths(tmp_path, lab.study.name)
    paths.reference.mkdir(parents=True)
    for file in (lab.study.paths.scores, lab.study.paths.models, lab.study.paths.design):
        shutil.copy(file, paths.reference)
    shutil.copy(lab.study.paths.settings, paths.reference)
    lab.study.paths.design.unlink()
    published = Reference(paths, {}).results()
    columns = design_columns(published)
    assert list(columns) == LAB
    assert len(columns) == 32


def test_a_study_without_a_design_is_refused(tiny):
    with pytest.raises(StudyError, match="study tiny has no section `design`"):
        design_columns(Results(tiny, pd.DataFrame(), pd.DataFrame({"model": ["few"]})))
