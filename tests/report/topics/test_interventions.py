import re
import shutil

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import yaml

from cood.analysis.results import Results
from cood.analysis.topics.interventions.effects import (
    agreement,
    count_edits,
    effects,
    load_interventions,
    rotation,
)
from cood.errors import StudyError
from cood.evaluation.common.score_table import INTERVENTIONS
from cood.evaluation.interventions.interventions import score_interventions
from cood.report.topics import interventions
from cood.settings.study_file import load_study

NONE = pd.DataFrame(columns=list(INTERVENTIONS.columns))


@pytest.fixture(scope="module")
def made(built, tmp_path_factory):
    """Interventions of a tiny model twice, as if two families had one each."""
    root = tmp_path_factory.mktemp("edits") / "project"
    shutil.copytree(built, root)
    file = root / "workflow" / "studies" / "tiny.yaml"
    settings = yaml.safe_load(file.read_text()) | {"interventions": {"doses": [1, 2], "repeats": 1}}
    file.write_text(yaml.safe_dump(settings))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        study = load_study("tiny")
        score_interventions(study, "few")
        shutil.copy(study.paths.embeddings("few", "ao"), root / "ao")
        other = study.paths.embeddings("most", "ao")
        other.parent.mkdir(parents=True)
        shutil.copy(root / "ao", other)
        score_interventions(study, "most")
        table = load_interventions(study)
    models = pd.DataFrame({"model": ["few", "most"], "family": ["40%", "80%"]})
    return Results(study, pd.DataFrame(), models), table


@pytest.fixture
def pooled(made):
    results, table = made
    return effects(table, results.models.set_index("model")["family"])


def test_figures_of_edits(made, pooled):
    results, table = made
    shown = interventions.select_edits(1)
    figure = interventions.plot_effects(table, pooled, results.models, shown, "pair_top1")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == list(shown)
    diamonds = [line for line in axes.lines if line.get_marker() == "D"]
    assert len(diamonds) == len(shown)
    figure = interventions.plot_dose_response(pooled, "both")
    assert [axes.get_title() for axes in figure.axes] == ["pair", "attribute", "object"] * 2
    lines = {line.get_label() for axes in figure.axes for line in axes.lines}
    assert {"remove random", "additive", "shuffled"} <= lines
    plt.close("all")


def test_sentences_and_tables_of_edits(made, pooled):
    results, table = made
    families = results.models.set_index("model")["family"]
    shown = interventions.select_edits(1)
    checks = interventions.check_table(pooled, 1, rotation(table)[0])
    assert checks["check"].str.contains("attribute|object|rotation").tolist() == [True] * 3
    assert checks["passed"].iloc[-1] == "yes"
    assert "passed" in interventions.describe_checks(checks)
    listed = interventions.describe_effects(pooled, shown, "pair_top1").data
    assert "edits change pair accuracy significantly more or less than their control" in listed
    assert re.search(r"<li>Texts without interaction: [-+]\d+\.\d \[", listed)
    rotated = interventions.describe_rotation(*rotation(table))
    assert rotated.startswith("A common rotation of images and texts changes no accuracy ")
    assert "2 models" in interventions.describe_samples(results, table)
    found = agreement(table, families)
    counted = count_edits(pooled)
    text = interventions.describe_agreement(found, counted)
    assert text.startswith("Over the edits of a model, ")
    assert f" of {len(counted)} edits make codes more disentangled" in text
    assert len(interventions.count_table(counted)) == len(counted)
    listed = interventions.effect_table(pooled, shown).set_index("edit")
    assert list(listed.index) == list(shown)
    assert listed.loc["rotated", "pair"].startswith("+0.0 [+0.0, +0.0]")
    assert listed.loc["rotated", "models with a significant change (pair)"] == "0 up, 0 down of 2"
    assert listed.loc["rotated", "pair relative to control"] == "-"
    assert listed.loc["whitened by 90 %", "pair relative to control"] != "-"


def test_the_dose_is_one_of_the_study(made, pooled):
    results, _ = made
    assert interventions.choose_dose(results, pooled) == 2
    assert interventions.choose_dose(results, pooled, 1) == 1
    few = pooled[(pooled["edit"] != "remove object") | (pooled["dose"] < 2)]
    assert interventions.choose_dose(results, few) == 1
    assert interventions.choose_dose(results, pooled[:0]) == 2
    with pytest.raises(StudyError, match=r"removes 1, 2 directions, not 9; choose one of these"):
        interventions.choose_dose(results, pooled, 9)


def checked(attribute, turned=0.0):
    """Pooled effects in which attribute edits differ from their control by an interval."""
    rows = []
    for kind, (low, high) in {"attribute": attribute, "object": (-0.3, -0.2)}.items():
        for edit, against in (
            (f"remove {kind}", "unedited"),
            ("remove random", "unedited"),
            (f"remove {kind}", "control"),
        ):
            cell = {"edit": edit, "dose": 4.0, "side": "both", "metric": f"{kind}_top1"}
            three = {"value": (low + high) / 2, "low": low, "high": high, "relative": -0.5}
            rows.append(cell | {"against": against} | three)
    return interventions.check_table(pd.DataFrame(rows), 4, turned)


def test_the_text_says_which_checks_passed():
    passed = checked((-0.3, -0.1))
    assert passed["passed"].tolist() == ["yes", "yes", "yes"]
    assert passed["difference"].iloc[0] == "-20.0 [-30.0, -10.0] (-50 %)"
    assert interventions.describe_checks(passed).startswith("All 3 checks passed")
    failed = interventions.describe_checks(checked((-0.1, 0.05), turned=0.2))
    assert failed.startswith("1 of 3 checks passed. Failed: removing 4 attribute directions")
    assert "a common rotation" in failed


def test_a_study_without_edited_models(made):
    results, _ = made
    families = results.models.set_index("model")["family"]
    pooled, shown = effects(NONE, families), interventions.select_edits(1)
    interventions.plot_effects(NONE, pooled, results.models, shown, "pair_top1")
    interventions.plot_dose_response(pooled, "both")
    plt.close("all")
    checks = interventions.check_table(pooled, 1, rotation(NONE)[0])
    assert interventions.describe_checks(checks) == "No edit could be checked."
    assert interventions.count_table(count_edits(pooled)).empty
    described = interventions.describe_effects(pooled, shown, "pair_top1")
    assert described.data == "<p>No edit of this kind was possible.</p>"
    assert interventions.describe_rotation(*rotation(NONE)) == "No rotation was computed."
    assert set(interventions.effect_table(pooled, shown)["pair"]) == {"-"}


def mediated(indirect=0.15):
    row = {"p": 0.01, "n": 40, "robustness": 0.31, "robustness_significant": 0.12}
    for part, value in {"total": 0.2, "direct": 0.05, "indirect": indirect}.items():
        row |= {part: value, f"{part}_low": value - 0.1, f"{part}_high": value + 0.1}
    names = ("orthogonality of images", "r2 of texts")
    return pd.DataFrame([{"mediator": name} | row for name in names])


def test_mediation_through_few_measures():
    table = mediated()
    text = interventions.describe_mediation(table)
    assert "C-OoD log odds by 0.20 [0.10, 0.30] (40 models)" in text
    assert "significant for 2 of 2 mediators" in text
    assert "explains 31% of what is left" in text
    assert "significant for 0 of 2" in interventions.describe_mediation(mediated(0.05))
    shown = interventions.mediation_table(table)
    assert shown["mediator"].tolist() == ["orthogonality of images", "r2 of texts"]
    assert shown["robustness value"].tolist() == ["31%", "31%"]


@pytest.mark.parametrize(
    ("table", "why"),
    [(pd.DataFrame(), interventions.NO_SHARE), (mediated(np.nan), interventions.TOO_FEW)],
)
def test_mediation_that_cannot_be_estimated_says_so(table, why):
    assert interventions.describe_mediation(table) == why
    assert len(interventions.mediation_table(table)) == max(1, len(table))
