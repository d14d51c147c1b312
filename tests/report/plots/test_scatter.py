from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cood.catalogue import checkpoints as catalogue
from cood.report.plots.scatter import LABELLED, model_scatter
from cood.report.plots.style import MOST_LABELLED

ZOO = [
    (n.replace("/", "_"), f, n.partition("/")[0])
    for f, ns in catalogue.families().items()
    for n in ns
]


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def zoo(n):
    rows = [ZOO[i] for i in np.linspace(0, len(ZOO) - 1, n).astype(int)]
    models = pd.DataFrame(rows, columns=["model", "family", "architecture"])
    rng = np.random.default_rng(0)
    x = rng.uniform(0.2, 0.9, n)
    y = 0.8 * x + rng.normal(0, 0.02, n)
    y[n // 2] = 0.01  # far from the line
    columns = {"low": x - 0.01, "high": x + 0.01}
    return models, *(pd.DataFrame({"value": v, **columns}, index=models["model"]) for v in (x, y))


def names(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def overlaps(figure):
    """Pairs of names in a figure of which one hides the other."""
    renderer = figure.canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in figure.axes[0].texts]
    return [(a, b) for a, b in combinations(boxes, 2) if a.overlaps(b)]


@pytest.mark.parametrize("n", [2, 12, 24, len(ZOO)])
def test_no_name_hides_another(n):
    models, x, y = zoo(n)
    figure = model_scatter(models, x, y, ("x", "y"))
    assert 1 < len(names(figure)) <= max(LABELLED, MOST_LABELLED)
    assert overlaps(figure) == []


def test_the_ends_of_both_axes_have_their_names():
    models, x, y = zoo(24)
    models["model"] = x.index = y.index = [f"m{k:03}" for k in range(24)]
    x["value"], y["value"] = np.arange(24.0), np.random.default_rng(1).permutation(24).astype(float)
    x, y = x[["value"]], y[["value"]]
    labelled = names(model_scatter(models, x, y, ("x", "y")))
    ends = {v["value"].idxmax() for v in (x, y)} | {v["value"].idxmin() for v in (x, y)}
    assert ends <= set(labelled)
    assert len(labelled) == LABELLED


def test_points_at_one_place_have_one_name():
    models, x, y = zoo(4)
    x["value"] = y["value"] = 0.5
    assert len(names(model_scatter(models, x, y, ("x", "y")))) <= 4
    assert overlaps(model_scatter(models, x, y, ("x", "y"))) == []


def test_models_without_a_value_are_not_drawn():
    models, x, y = zoo(3)
    x.iloc[0] = np.nan
    assert len(names(model_scatter(models, x, y, ("x", "y")))) == 2
