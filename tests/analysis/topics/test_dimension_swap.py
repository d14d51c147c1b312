import pandas as pd
import pytest

from cood.analysis.results import Results
from cood.analysis.topics.dimension_swap import (
    Choice,
    accuracy_curves,
    choices,
    choose,
    swapped_grid,
)
from cood.errors import NotebookError
from cood.evaluation.common.score_table import complete
from cood.evaluation.interventions.dimension_selection import steps

FIXED = {"set": "ao", "split": "all", "category": "all", "space": "image", "chance": 0.25}
CHOICE = Choice("axes", "share", "images")


@pytest.fixture
def results(tiny):
    """Two models of width 4, whose accuracy is k / 10 and 3k / 10, and a wider one."""
    rows = []
    for model, times, width in (("few", 1, 4), ("most", 3, 4), ("wide", 9, 8)):
        for factor in ("attribute", "object"):
            row = {"model": model, "factor": factor, **CHOICE.columns}
            rows.append(row | {"metric": "needed_dimensions", "value": 2, "n": width})
            accuracy = row | {"metric": "subset_accuracy", "method": "linear_probe", "n": 50}
            rows += [accuracy | {"dimensions": k, "value": times * k / 10} for k in steps(width)]
        swapped = {"model": model, "metric": "swapped_pair", "method": "zero_shot", "n": 50}
        for control, value in ((False, times / 10), (True, 0.0)):
            kind = {"exchange": "needed", "control": control, "value": value}
            rows.append(swapped | CHOICE.columns | kind)
    models = pd.DataFrame({"model": ["few", "most", "wide"]})
    return Results(tiny, complete(rows, **FIXED), models)


def test_curves_are_means_over_models_of_the_most_frequent_width(results):
    table = accuracy_curves(results, "image", {"line": CHOICE})
    assert set(table["panel"]) == {"attribute", "object"}
    assert set(table["models"]) == {2}
    here = table[table["panel"] == "object"].set_index("x")
    assert here["value"].to_dict() == pytest.approx({k: 2 * k / 10 for k in steps(4)})
    assert (table["chance"] == 0.25).all()


def test_grid_of_means(results):
    exchanges = {
        "needed": {"exchange": "needed"},
        "random": {"exchange": "needed", "control": True},
    }
    grid = swapped_grid(results, {"row": CHOICE}, exchanges, metric="swapped_pair", split="all")
    assert grid.loc["row", "needed"] == pytest.approx((0.1 + 0.3 + 0.9) / 3)
    assert grid.loc["row", "random"] == 0


def test_a_choice_from_parameters():
    assert choose("image", "pca", "share", "images") == Choice("pca", "share", "images")
    assert choose("text", "axes", "forward", "compositions") in choices("text")
    assert len(choices("image")) == 2 * len(choices("text")) == 18
    assert len(set(map(str, choices("image")))) == 18


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            ("text", "axes", "share", "images"),
            "unknown disjoint for space text, 'images'; known: compositio",
        ),
        (("image", "axis", "share", "images"), "unknown basis 'axis'; did you mean axes?"),
        (("image", "axes", "weigth", "images"), "unknown rule 'weigth'; did you mean weight?"),
        (("images", "axes", "share", "images"), "unknown space 'images'; did you mean image?"),
    ],
)
def test_parameters_that_are_no_choice_are_refused(given, said):
    with pytest.raises(NotebookError) as caught:
        choose(*given)
    assert said in str(caught.value)
