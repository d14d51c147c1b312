import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cood.catalogue import checkpoints as catalogue
from cood.report.build.html_postprocess import LIFT
from cood.report.plots import figures

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


# Machado, Oliveira and Fernandes 2009, severity 1: what the colour-blind see, in linear RGB.
SEEN = {
    "all colours": np.eye(3),
    "no red": [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]],
    "no green": [[0.3673, 0.8606, -0.2279], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]],
    "no blue": [[1.2555, -0.0767, -0.1788], [-0.0784, 0.9308, 0.1476], [0.0047, 0.6914, 0.3039]],
}


def lab(colour, seen):
    rgb = np.asarray(colour, float)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.asarray(seen) @ linear, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.asarray(to_xyz) @ linear / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("n", [2, 6, 7, 18, 20])
@pytest.mark.parametrize("lift", [0, LIFT], ids=["light", "dark"])
@pytest.mark.parametrize("eyes", SEEN)
def test_the_colour_blind_tell_families_apart(n, lift, eyes):
    models = pd.DataFrame({"model": range(n), "family": [f"{k} %" for k in range(n)]})
    colours, _ = figures.styles(models)
    lifted = [np.array(c[:3]) + lift * (1 - np.array(c[:3])) for c in colours.values()]
    found = [lab(colour, SEEN[eyes]) for colour in lifted]
    apart = [np.linalg.norm(a - b) for i, a in enumerate(found) for b in found[:i]]
    assert min(apart) > 6  # 2 is said to be a difference that one just notices
