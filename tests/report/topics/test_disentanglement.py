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


def test_values_and_their_null_values(results):
    table = disentanglement.null_table(results, ["coverage", "mig"], "all").set_index(
        ["metric", "space"]
    )
    assert list(table.index.get_level_values(0)) == ["coverage", "coverage", "mig", "mig"]
    row = table.loc[("mig", "image")]
    assert row.round(6).to_dict() == {
        "lowest": 0.2,
        "median": 0.3,
        "highest": 0.4,
        "shuffled labels": 0.1,
        "rotated at random": 0.15,
        "principal components": 0.05,
    }


def test_scores_in_the_given_order(results):
    table = disentanglement.scores_of(results, ["mig", "coverage"], "unseen")
    assert list(dict.fromkeys(table["metric"])) == ["mig", "coverage"]
    assert set(table["factor"]) == set(table["null"]) == {""}
    assert set(table["model"]) == {"few", "most"}


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
    assert disentanglement.saturated_metrics(found).endswith("z diff of images (1.00).")
    assert disentanglement.saturated_metrics(found[1:]) == (
        "Every metric differs between models by more than 0.01."
    )


def test_an_unknown_metric_is_an_error(results):
    with pytest.raises(NotebookError, match="unknown metric 'explicitnes'; did you mean explicit"):
        disentanglement.scores_of(results, ["mig", "explicitnes"], "unseen")
    assert disentanglement.scores_of(results, ["dcimig"], "unseen").empty
