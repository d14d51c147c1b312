import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cood.models import catalogue
from cood.report import figures

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


def test_of_few_models_each_is_named():
    models, x, y = zoo(12)
    figure = figures.model_scatter(models, x, y, ("x", "y"))
    assert sorted(names(figure)) == sorted(models["model"])


def test_of_many_models_the_outermost_are_named():
    models, x, y = zoo(len(ZOO))
    figure = figures.model_scatter(models, x, y, ("x", "y"))
    found = names(figure)
    assert len(found) == figures.NAMED
    assert {models["model"][len(models) // 2], x["value"].idxmax(), x["value"].idxmin()} <= set(
        found
    )


def test_a_model_without_a_number_is_left_out():
    models, x, y = zoo(3)
    x.iloc[0] = np.nan
    assert len(names(figures.model_scatter(models, x, y, ("x", "y")))) == 2


def test_every_kind_has_a_marker_of_its_own():
    models, *_ = zoo(len(ZOO))
    colours, markers = figures.styles(models)
    assert set(figures.kinds(models)) == set(markers)
    assert len(set(markers.values())) == len(markers) <= len(figures.MARKERS)
    assert len(set(colours.values())) == len(colours) == 18
    assert {"ViT-B", "RN", "other"} <= set(markers)


def test_models_of_unknown_architecture_are_checkpoints():
    models = pd.DataFrame({"model": ["a", "b"], "family": ["one", "two"]})
    assert figures.styles(models)[1] == {"checkpoint": "o"}
