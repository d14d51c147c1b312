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
    shown = interventions.select_edits(results, 1)
    figure = interventions.plot_effects(table, pooled, results.models, shown, "pair_top1")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == list(shown)
    diamonds = [line for line in axes.lines if line.get_marker() == "D"]
    assert len(diamonds) == len(shown)
    figure = interventions.plot_dose_response(pooled[pooled["against"] == "unedited"], "both")
    assert [axes.get_title() for axes in figure.axes] == ["pair", "attribute", "object"] * 2
    lines = {line.get_label() for axes in figure.axes for line in axes.lines}
    assert {"remove random", "additive", "shuffled"} <= lines
    plt.close("all")


def test_sentences_and_tables_of_edits(made, pooled):
    results, table = made
    families = results.models.set_index("model")["family"]
    shown = interventions.select_edits(results, 1)
    text = interventions.describe_controls(pooled, 1)
    assert text.startswith("Removing 1 attribute directions changes attribute accuracy by ")
    assert text.count("so the edit is ") == 2
    assert "Texts without interaction: pair accuracy " in interventions.describe_effects(
        pooled, shown, "pair_top1"
    )
    rotated = interventions.describe_rotation(*rotation(table))
    assert rotated.startswith("A common rotation of images and texts changes no accuracy ")
    assert "2 models" in interventions.describe_samples(results, table)
    found = agreement(table, families)
    assert interventions.describe_agreement(found).startswith("Over the edits of a model, ")
    assert len(interventions.agreement_table(found)) == len(found)
    listed = interventions.effect_table(pooled, shown).set_index("edit")
    assert list(listed.index) == list(shown)
    assert listed.loc["rotated", "pair"] == "+0.0 [+0.0, +0.0]"
    assert listed.loc["rotated", "models with a significant change (pair)"] == "0 up, 0 down of 2"
    assert listed.loc["rotated", "pair relative to control"] == "-"
    assert listed.loc["whitened by 90 %", "pair relative to control"] != "-"


def test_an_unknown_dose_is_an_error(made):
    results, _ = made
    with pytest.raises(StudyError, match=r"removes 1, 2 directions, not 9; choose one of these"):
        interventions.select_edits(results, 9)


def test_a_study_without_edited_models(made):
    results, _ = made
    families = results.models.set_index("model")["family"]
    pooled, shown = effects(NONE, families), interventions.select_edits(results, 1)
    interventions.plot_effects(NONE, pooled, results.models, shown, "pair_top1")
    interventions.plot_dose_response(pooled, "both")
    plt.close("all")
    assert interventions.describe_controls(pooled, 1) == "No direction could be removed."
    assert interventions.describe_effects(pooled, shown, "pair_top1") == (
        "No edit of this kind was possible."
    )
    assert interventions.describe_rotation(*rotation(NONE)) == "No rotation was computed."
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


def test_mediation_by_metrics(parse):
    models = {f"m{share}": {"share": share} for share in (0.65, 0.8, 0.95)}
    results = Results(parse(models=models), pd.DataFrame(), pd.DataFrame())
    table = mediated()
    (axes,) = interventions.plot_mediation(table, ["explicitness"]).axes
    named = [label.get_text() for label in axes.get_yticklabels()]
    assert named == ["explicitness, texts", "ID accuracy (seen)"]
    text = interventions.describe_mediation(table, results, list(models))
    assert "11 models" in text
    assert "saw 65%, 80%, 95% of the compositions outside the core" in text
    assert "+2.0 points [+1.0, +3.0]; this is the total effect" in text
    assert "are first averaged, the interval is [-1.0, +4.0]" in text
    assert "indirect effect is significant for 1 of 1 metrics" in text
    assert interventions.mediation_table(table)["indirect"].tolist()[-1] == "-"
    plt.close("all")


def test_a_study_without_graded_shares_says_so(parse):
    nothing = pd.DataFrame()
    (axes,) = interventions.plot_mediation(nothing, ["explicitness"]).axes
    assert axes.texts[0].get_text() == interventions.NO_SHARE
    results = Results(parse(), nothing, nothing)
    assert interventions.describe_mediation(nothing, results, []) == interventions.NO_SHARE
    assert interventions.mediation_table(nothing).iloc[0, 0] == interventions.NO_SHARE
    plt.close("all")
