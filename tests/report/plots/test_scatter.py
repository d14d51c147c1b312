import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cood.catalogue import checkpoints as catalogue
from cood.report.plots.scatter import LABELLED, model_scatter

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


def test_every_point_has_its_name_if_there_are_few():
    models, x, y = zoo(12)
    figure = model_scatter(models, x, y, ("x", "y"))
    assert sorted(names(figure)) == sorted(models["model"])


def test_only_the_outermost_points_have_names_if_there_are_many():
    models, x, y = zoo(len(ZOO))
    figure = model_scatter(models, x, y, ("x", "y"))
    labelled = names(figure)
    assert len(labelled) == LABELLED
    assert {models["model"][len(models) // 2], x["value"].idxmax(), x["value"].idxmin()} <= set(
        labelled
    )


def test_models_without_a_value_are_not_drawn():
    models, x, y = zoo(3)
    x.iloc[0] = np.nan
    assert len(names(model_scatter(models, x, y, ("x", "y")))) == 2
