import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cood.analysis.results import Results, load_results
from cood.analysis.stats.estimate import Estimate
from cood.analysis.stats.regression.instrumental import LINE, Instrumental
from cood.analysis.topics.treatments.instruments import compare_treatments
from cood.report.topics import treatments
from tests.analysis.simulated import Effects, simulated_study

SURE = {"n": 160, "nuisance": 14, "treated": 80, "placebo": 80, "r": 0.3, "r_low": 0, "r_high": 0.5}


def row(contrast, number, value, p, half=0.2):
    """An effect with an interval of this half length."""
    three = {"value": value, "low": value - half, "high": value + half}
    return {"contrast": contrast, "number": number, "p": p, **three, **SURE}


def reduced(cood, gap, p=0.001):
    rows = [row(treatments.TOGETHER, "cood", cood, p), row(treatments.TOGETHER, "gap", gap, p)]
    return pd.DataFrame([row("orthogonality", "cood", -9.0, 0.0), *rows])


half = reduced(0.5, 0.4).assign(p=[0.0, 0.01, 0.4])


@pytest.mark.parametrize(
    ("effects", "answer"),
    [
        (reduced(0.5, 0.4), "Models compose better with the treatments than with the placebos"),
        (reduced(-0.5, -0.4), "Models compose worse with the treatments than with the placebos"),
        (reduced(0.5, -0.4), "The two outcomes differ in opposite directions between"),
        (reduced(0.5, 0.4, p=0.2), "No difference in composing is shown between the treatments"),
        (half, "Only one of the two outcomes differs significantly between the treatments and"),
    ],
)
def test_the_answer_follows_from_both_outcomes_of_all_treatments(effects, answer):
    text = treatments.describe_reduced_form(effects)
    assert text.startswith(answer)
    assert "(80 against 80 models)" in text
    value = effects.iloc[1]["value"]
    assert f"by {np.exp(value):.2f} [{np.exp(value - 0.2):.2f}, " in text


def test_a_single_treatment_is_named():
    effects = reduced(0.5, 0.4).assign(contrast="additivity")[1:]
    assert "with the penalty on additivity than" in treatments.describe_reduced_form(effects)


def first(image, text, p=0.001):
    rows = [
        row("orthogonality", "orthogonality of images", image, p),
        row("orthogonality", "orthogonality of texts", text, p),
        row("orthogonality", "r2 of images", 0.1, 0.8),
        row("orthogonality", "r2 of texts", -0.1, 0.001),
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("effects", "answer"),
    [
        (first(-0.3, -0.2), "changed its target in images and texts:"),
        (first(-0.3, 0.2), "changed its target in images only:"),
        (first(0.3, -0.2), "changed its target in texts only:"),
        (first(-0.3, -0.2, p=0.5), "did not change its target:"),
    ],
)
def test_a_treatment_takes_if_it_lowers_the_cosines(effects, answer):
    text = treatments.describe_first_stage(effects)
    assert text.startswith(f"The penalty on orthogonality {answer}")
    assert "also changed r2 of texts (less disentangled) significantly" in text


def test_confidence_sets_and_weak_instruments_are_counted():
    estimate, inf = Estimate(0.5, 0.1, 0.9, 0.01, 80, 80), np.inf
    sets = [((0.1, 0.9),), ((-inf, -1.0), (2.0, inf)), (), LINE, ((-3.0, -1.0),)]
    found = [Instrumental(estimate, one, 0.01, 8.0 + k, 0.01, 2, 0.2) for k, one in enumerate(sets)]
    table = pd.DataFrame({"found": found, "instruments": "orthogonality", "metric": "r2"})
    table = table.assign(space="image", outcome="cood")
    text = treatments.describe_instrumental(table)
    assert "Of 5 estimates, 3 have a first stage with F of 10 or more" in text
    assert "excludes an effect of 0 in 4: it lies above 0 in 1 (" in text
    assert "below 0 in 1. The set is unbounded" in text
    nothing = treatments.describe_instrumental(table.iloc[[3]])
    assert "No Anderson-Rubin set excludes an effect of 0. The set is unbounded in 1" in nothing
    assert "unbounded in 2 and empty in 1" in text
    shown = treatments.instrumental_table(table)
    assert shown["Anderson-Rubin set"].tolist() == [
        "[0.10, 0.90]",
        "up to -1.00, or from 2.00",
        "empty",
        "all numbers",
        "[-3.00, -1.00]",
    ]


def test_diverged_models_are_named_by_arm():
    counts = pd.DataFrame({"treatment": ["none", "orthogonality_placebo"], "models": [8, 7]})
    text = treatments.describe_diverged(counts.assign(diverged=[0, 2]))
    assert text.startswith("2 of 15 models diverged: none 0 of 8, orthogonality placebo 2 of 7.")
    assert "None of the 15" in treatments.describe_diverged(counts.assign(diverged=0))
    assert treatments.describe_diverged(counts[:0].assign(diverged=0)) == treatments.NO_DESIGN


def test_the_page_of_a_study(project):
    effects = Effects(cood={"orthogonality": 5.0}, id={"orthogonality": 1.0})
    found = compare_treatments(load_results(simulated_study(project, effects=effects).name))
    figure = treatments.plot_reduced_form(found.effects)
    assert len(figure.axes[0].get_yticklabels()) == found.effects["contrast"].nunique()
    panels = treatments.plot_first_stage(found.first_stage).axes
    assert len(panels) == 2
    assert len(treatments.plot_doses(found.arms, found.outcomes).axes) == 2
    assert len(treatments.effect_table(found.effects)) == len(found.effects)
    assert len(treatments.dose_table(found.doses)) == 3
    assert "of 2 comparisons" in treatments.describe_doses(found.doses)
    plt.close("all")


def test_a_study_without_treatments_says_so(parse):
    found = compare_treatments(Results(parse(), pd.DataFrame(), pd.DataFrame()))
    assert treatments.describe_reduced_form(found.effects) == treatments.NO_TREATMENTS
    assert treatments.describe_first_stage(found.first_stage) == treatments.NO_TREATMENTS
    for figure in (
        treatments.plot_reduced_form(found.effects),
        treatments.plot_first_stage(found.first_stage),
        treatments.plot_doses(found.arms, found.outcomes),
    ):
        assert figure.axes[0].texts[0].get_text() == treatments.NO_TREATMENTS
    for table in (
        treatments.effect_table(found.effects),
        treatments.instrumental_table(found.instrumental),
        treatments.dose_table(found.doses),
    ):
        assert table.iloc[0, 0] == treatments.NO_TREATMENTS
    plt.close("all")
