import pandas as pd
import pytest

from cood.analysis.results import Results
from cood.analysis.topics.dimension_swap import (
    accuracy_curves,
    swapped_grid,
    way,
    ways,
)
from cood.errors import NotebookError
from cood.evaluation.interventions.dimension_selection import steps

FIXED = {"set": "ao", "split": "all", "space": "image", "low": 0.0, "high": 1.0, "chance": 0.25}


@pytest.fixture
def results(tiny):
    """Two models of width 4, whose accuracy is k / 10 and 3k / 10, and a wider one."""
    rows = []
    for model, times, width in (("few", 1, 4), ("most", 3, 4), ("wide", 9, 8)):
        for factor in ("attribute", "object"):
            rows.append((model, f"{factor}_dimensions", "axes share images", "all", 2, width))
            for k in steps(width):
                group = "all" if k == width else str(k)
                metric = f"{factor}_accuracy"
                rows.append((model, metric, "axes share images", group, times * k / 10, 50))
        rows.append((model, "switched", "axes share images needed", "all", times / 10, 50))
    columns = ["model", "metric", "variant", "group", "value", "n"]
    scores = pd.DataFrame(rows, columns=columns).assign(**FIXED)
    return Results(tiny, scores, pd.DataFrame({"model": ["few", "most", "wide"]}))


def test_curves_are_means_over_models_of_the_most_frequent_width(results):
    table = accuracy_curves(results, "image", {"line": "axes share images"})
    assert set(table["panel"]) == {"attribute", "object"}
    assert set(table["models"]) == {2}
    here = table[table["panel"] == "object"].set_index("x")
    assert here["value"].to_dict() == pytest.approx({k: 2 * k / 10 for k in steps(4)})
    assert (table["chance"] == 0.25).all()


def test_grid_of_means(results):
    grid = swapped_grid(
        results, {"row": "axes share images"}, {"column": "needed"}, metric="switched", split="all"
    )
    assert grid.loc["row", "column"] == pytest.approx((0.1 + 0.3 + 0.9) / 3)


def test_a_way_is_put_together_from_parameters():
    assert way("image", "pca", "share", "images") == "pca share images"
    assert way("text", "axes", "forward", "compositions") in ways("text")
    assert len(ways("image")) == 2 * len(ways("text")) == 18


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            ("text", "axes", "share", "images"),
            "unknown apart for space text, 'images'; known: compositio",
        ),
        (("image", "axis", "share", "images"), "unknown basis 'axis'; did you mean axes?"),
        (("image", "axes", "weigth", "images"), "unknown rule 'weigth'; did you mean weight?"),
        (("images", "axes", "share", "images"), "unknown space 'images'; did you mean image?"),
    ],
)
def test_invalid_parameters_are_refused(given, said):
    with pytest.raises(NotebookError) as caught:
        way(*given)
    assert said in str(caught.value)
