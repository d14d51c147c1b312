import pandas as pd
import pytest

from cood.analysis.results import Results
from cood.errors import NotebookError
from cood.evaluation.common.score_table import complete
from cood.report.topics import disentanglement

COMPUTATIONS = [
    ({"factor": "attribute"}, 0.9, 0.1),
    ({"null": "rotated"}, 0.15, None),
    ({"projection": "pca", "width": 8}, 0.05, None),
]


@pytest.fixture
def results(tiny):
    rows = [
        {"model": model, "split": split, "space": space, "metric": metric}
        | {"value": value, "chance": chance, **computation}
        for split in ("all", "unseen")
        for space in ("image", "text")
        for metric in ("mig", "coverage")
        for i, model in enumerate(("few", "most", "text only"))
        for computation, value, chance in [({}, 0.2 + 0.2 * i, 0.1), *COMPUTATIONS]
    ]
    scores = complete(rows, set="ao", category="all")
    return Results(tiny, scores, pd.DataFrame({"model": ["few", "most"]}))


def test_a_panel_for_each_metric_and_outcome(results):
    log_odds = pd.DataFrame({"cood": [0.5, 1.0], "cood_error": [0.1, 0.2]}, index=["few", "most"])
    with_gap = log_odds.assign(gap=-1.0, gap_error=0.1)
    wanted = ["explicitness", "mig"]
    ((left, right),) = disentanglement.outcome_panels(results, with_gap, wanted, "all", "text")
    assert left.labels == ("MIG of texts", "C-OoD log odds")
    assert right.labels[1].startswith("gap")
    assert left.x["value"].to_dict() == {"few": 0.2, "most": 0.4}
    assert left.y.loc["most"].round(3).tolist() == [1.0, 0.608, 1.392]
    assert left.chance == 0.1
    ((only,),) = disentanglement.outcome_panels(results, log_odds, ["mig"], "all", "image")
    assert only.labels == ("MIG of images", "C-OoD log odds")


def test_models_that_lack_a_factor_are_named(results):
    assert "Every model encodes both factors" in disentanglement.missing_factors(results, "all")
    scores = results.scores
    bad = (scores["metric"] == "coverage") & (scores["model"] == "few") & (scores["split"] == "all")
    scores.loc[bad & (scores["space"] == "text"), "note"] = "the codes do not tell factor object"
    text = disentanglement.missing_factors(results, "all")
    assert text == (
        "Some codes do not encode a factor, so their high scores are no sign of disentanglement: "
        "the codes do not tell factor object (texts of few)."
    )


def test_metrics_that_hardly_vary_are_named():
    found = pd.DataFrame(
        {
            "metric": ["z_diff", "mig"],
            "space": ["image", "text"],
            "lowest": [0.995, 0.1],
            "median": [1.0, 0.2],
            "highest": [1.0, 0.3],
        }
    )
    both = pd.concat([found.assign(outcome=name) for name in ("cood", "gap")])
    assert disentanglement.saturated_metrics(both).endswith("median: Z-diff of images (1.00).")
    assert disentanglement.saturated_metrics(found[1:]) == (
        "Every metric differs between models by more than 0.01."
    )


def test_an_unknown_metric_or_space_is_an_error(results):
    outcomes = pd.DataFrame({"cood": [0.5, 1.0]}, index=["few", "most"])
    with pytest.raises(NotebookError, match="unknown metric 'explicitnes'; did you mean explicit"):
        disentanglement.outcome_panels(results, outcomes, ["explicitnes"], "all", "image")
    with pytest.raises(NotebookError, match="unknown space 'images'"):
        disentanglement.outcome_panels(results, outcomes, ["mig"], "all", "images")
