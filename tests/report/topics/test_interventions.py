import shutil

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import yaml

from cood.analysis.results import Results
from cood.analysis.topics.interventions.effects import (
    agreement,
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
    shown = interventions.cells(results, 1)
    figure = interventions.forest(table, pooled, results.models, shown, "pair_top1")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == list(shown)
    diamonds = [line for line in axes.lines if line.get_marker() == "D"]
    assert len(diamonds) == len(shown)
    figure = interventions.responses(pooled[pooled["against"] == "unedited"], "both")
    assert [axes.get_title() for axes in figure.axes] == ["pair", "attribute", "object"] * 2
    lines = {line.get_label() for axes in figure.axes for line in axes.lines}
    assert {"remove random", "additive", "shuffled"} <= lines
    plt.close("all")


def test_words_and_tables_of_edits(made, pooled):
    results, table = made
    families = results.models.set_index("model")["family"]
    shown = interventions.cells(results, 1)
    said = interventions.controls(pooled, shown)
    assert "Without 1 random directions: attribute accuracy" in said
    assert "Texts without interaction: " in interventions.tests(pooled, shown, "pair_top1")
    assert "changed no accuracy by more than 0 points" in interventions.turned(*rotation(table))
    assert "2 models" in interventions.about(results, table)
    found = agreement(table, families)
    assert interventions.agreements(found).startswith("Of ")
    assert len(interventions.agreement_table(found)) == len(found)
    listed = interventions.effect_table(pooled, shown).set_index("edit")
    assert list(listed.index) == list(shown)
    assert listed.loc["rotated", "pair"] == "+0.0 [+0.0, +0.0]"
    assert listed.loc["rotated", "pair up, down"] == "0, 0 of 2"
    assert listed.loc["rotated", "pair against control"] == "-"
    assert listed.loc["whitened by 90 %", "pair against control"] != "-"


def test_a_dose_that_was_not_tried(made):
    results, _ = made
    with pytest.raises(StudyError, match=r"takes away 1, 2 directions, not 9; name one of these"):
        interventions.cells(results, 9)


def test_a_study_of_which_no_model_could_be_had(made):
    results, _ = made
    families = results.models.set_index("model")["family"]
    pooled, shown = effects(NONE, families), interventions.cells(results, 1)
    interventions.forest(NONE, pooled, results.models, shown, "pair_top1")
    interventions.responses(pooled, "both")
    plt.close("all")
    assert interventions.controls(pooled, shown) == "No direction could be taken away."
    assert interventions.tests(pooled, shown, "pair_top1") == "No edit of this kind could be made."
    assert interventions.turned(*rotation(NONE)) == "No rotation was tried."
    assert interventions.agreement_table(agreement(NONE, families)).empty
    assert set(interventions.effect_table(pooled, shown)["pair"]) == {"-"}


def mediated():
    row = {"space": "text", "metric": "explicitness", "n": 11, "levels": 5}
    row |= {"p": 0.01, "holm": 0.02}
    for part, value in {"total": 0.02, "direct": 0.005, "indirect": 0.015, "within": 0.01}.items():
        row |= {part: value, f"{part}_low": value - 0.01, f"{part}_high": value + 0.01}
    for name in ("levels", "levels_total"):
        row |= {f"{name}_low": -0.01, f"{name}_high": 0.04}
    other = row | {"space": "seen", "metric": "pair_top1", "holm": 0.5}
    return pd.DataFrame([row, other, row | {"space": "image", "indirect": np.nan}])


def test_paths_through_metrics(parse):
    models = {f"m{share}": {"share": share} for share in (0.3, 0.5, 0.8)}
    results = Results(parse(models=models), pd.DataFrame(), pd.DataFrame())
    table = mediated()
    (axes,) = interventions.paths(table, ["explicitness"]).axes
    named = [label.get_text() for label in axes.get_yticklabels()]
    assert named == ["explicitness, texts", "ID accuracy (seen)"]
    said = interventions.mediated(table, results, list(models))
    assert "11 models" in said
    assert "saw 30%, 50%, 80% of the compositions" in said
    assert "+2.0 points [+1.0, +3.0]; [-1.0, +4.0] if seeds count for nothing" in said
    assert "Of 1 metrics, 1 have an indirect effect" in said
    assert interventions.mediation_table(table)["indirect"].tolist()[-1] == "-"
    plt.close("all")


def test_a_study_without_graded_shares_says_so(parse):
    nothing = pd.DataFrame()
    (axes,) = interventions.paths(nothing, ["explicitness"]).axes
    assert axes.texts[0].get_text() == interventions.NO_SHARE
    results = Results(parse(), nothing, nothing)
    assert interventions.mediated(nothing, results, []) == interventions.NO_SHARE
    assert interventions.mediation_table(nothing).iloc[0, 0] == interventions.NO_SHARE
    plt.close("all")
