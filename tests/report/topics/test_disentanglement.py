import pandas as pd
import pytest

from cood.analysis.results import Results
from cood.errors import NotebookError
from cood.evaluation.common.score_table import complete
from cood.report.topics import disentanglement as metrics

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


def test_values_beside_their_nulls(results):
    table = metrics.nulls(results, ["coverage", "mig"], "all").set_index(["metric", "space"])
    assert list(table.index.get_level_values(0)) == ["coverage", "coverage", "mig", "mig"]
    row = table.loc[("mig", "image")]
    assert row.round(6).to_dict() == {
        **{"lowest": 0.2, "median": 0.3, "highest": 0.4, "shuffled labels": 0.1},
        **{"rotated at random": 0.15, "principal components": 0.05},
    }


def test_scores_in_the_given_order(results):
    table = metrics.scores_of(results, ["mig", "coverage"], "unseen")
    assert list(dict.fromkeys(table["metric"])) == ["mig", "coverage"]
    assert set(table["factor"]) == set(table["null"]) == {""}
    assert set(table["model"]) == {"few", "most"}


def test_a_factor_that_is_not_held_is_said(results):
    assert "every model holds both factors" in metrics.notes(results, "all")
    scores = results.scores
    bad = (scores["metric"] == "coverage") & (scores["model"] == "few") & (scores["split"] == "all")
    scores.loc[bad & (scores["space"] == "text"), "note"] = "the codes do not tell factor object"
    said = metrics.notes(results, "all")
    assert said == "Here it is missed by: few, texts (the codes do not tell factor object)."


def test_measures_that_hardly_vary():
    found = pd.DataFrame(
        {
            **{"metric": ["z_diff", "mig"], "space": ["image", "text"]},
            **{"lowest": [0.995, 0.1], "median": [1.0, 0.2], "highest": [1.0, 0.3]},
        }
    )
    assert metrics.saturated(found).endswith("z diff of images (1.00).")
    assert metrics.saturated(found[1:]) == "Every metric varies over models."


def test_a_measure_that_there_is_not_is_refused(results):
    with pytest.raises(NotebookError, match="unknown metric 'explicitnes'; did you mean explicit"):
        metrics.scores_of(results, ["mig", "explicitnes"], "unseen")
    assert metrics.scores_of(results, ["dcimig"], "unseen").empty
