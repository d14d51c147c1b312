import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cood.report import plots
from cood.report.plots.intervals import CROWDED_HEIGHT, MOST_ROWS


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def rows(n):
    values = np.linspace(0.1, 0.9, n)
    table = pd.DataFrame({"model": [f"m{k:03}" for k in range(n)], "group": "pair"})
    return table.assign(value=values, low=values - 0.1, high=values + 0.1)


def models(n):
    share = np.linspace(0.2, 0.8, n)
    return pd.DataFrame({"model": rows(n)["model"], "family": "one", "share": share})


@pytest.mark.parametrize("n", [1, 24, 200])
def test_rows_of_any_number_of_models_fit_a_page(n):
    figure = plots.interval_rows(rows(n), ["pair"], "accuracy", models=models(n))
    axes = figure.axes[0]
    assert figure.get_figheight() <= max(CROWDED_HEIGHT, 1.2 + 0.34 * MOST_ROWS)
    assert len(axes.get_yticks()) == (n if n <= MOST_ROWS else 0)
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first model is at the top
    svg = plots.as_svg(figure)
    assert all(f'data-name="m{k:03}"' in svg for k in (0, n - 1))


@pytest.mark.parametrize("n", [1, 200])
def test_a_strip_shows_every_model_and_their_median(n):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.uniform(0, 1, (n, 2)), columns=["color", "state"])
    table.index = rows(n)["model"]
    table.iloc[0, 0] = np.nan
    figure = plots.strips(table, "accuracy")
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["color", "state"]
    medians = [s[0, 0] for c in figure.axes[0].collections for s in c.get_segments()]
    np.testing.assert_allclose(medians, table.median() if n > 1 else [])
    assert plots.as_svg(figure).count('class="mark"') == table.notna().sum().sum()


def test_of_many_bars_the_ends_are_shown():
    n = 200
    values = pd.Series(np.arange(n, dtype=float), rows(n)["model"])
    axes = plots.bars(values, models(n), "points").axes[0]
    shown = [text.get_text() for text in axes.get_yticklabels()]
    assert len(shown) == MOST_ROWS
    assert (shown[0], shown[-1]) == ("m000", "m199")
    assert axes.get_xlabel() == f"points; {MOST_ROWS} of {n} models"
