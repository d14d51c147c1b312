import numpy as np
import pandas as pd
import pytest

from cood.report.plots.outcomes import Panel, outcome_rows, outcome_values, scatter_grid


def test_an_outcome_has_an_interval_where_it_has_an_error():
    table = pd.DataFrame({"cood": [1.0, 2.0], "cood_error": [0.5, np.nan]}, index=["a", "b"])
    values = outcome_values(table, "cood")
    assert values.loc["a"].tolist() == pytest.approx([1.0, 0.02, 1.98])
    assert values.loc["b"].isna().tolist() == [False, True, True]
    assert list(outcome_values(table[["cood"]], "cood")) == ["value"]


@pytest.fixture
def table():
    rows = [
        ("text", "mig", "cood", 0.5),
        ("image", "mig", "cood", 0.4),
        ("image", "z_diff", "cood", np.nan),
        ("image", "mig", "gap", -0.2),
        ("image", "z_diff", "gap", np.nan),
    ]
    table = pd.DataFrame(rows, columns=["space", "metric", "outcome", "value"])
    return table.assign(low=table["value"] - 0.1, high=table["value"] + 0.1)


def test_a_panel_a_space_and_both_outcomes_in_a_row(table):
    figure = outcome_rows(table, [("text", "mig")], "Pearson")
    images, texts = figure.axes
    assert [t.get_text() for t in images.get_yticklabels()] == ["MIG", "Z-diff"]
    assert [t.get_text() for t in texts.get_yticklabels()] == ["MIG ✓", "Z-diff"]
    # A constant metric has a row without a mark.
    cood, gap = images.lines[:2]
    assert (list(cood.get_xdata()), list(gap.get_xdata())) == ([0.4], [-0.2])
    assert cood.get_marker() != gap.get_marker()
    assert len(figure.legends[0].get_texts()) == 2


def models(n):
    share = np.linspace(0.2, 0.8, n)
    names = [f"m{i}" for i in range(n)]
    return pd.DataFrame({"model": names, "family": names, "share": share, "kind": "trained"})


@pytest.mark.parametrize(("n", "intervals"), [(3, 2), (200, 0)])
def test_many_models_have_no_intervals(n, intervals):
    table = models(n)
    x = pd.DataFrame({"value": np.arange(n) / n}, index=table["model"])
    y = x.assign(low=x["value"] - 0.1, high=x["value"] + 0.1)
    y.loc["m1", "value"] = np.nan
    figure = scatter_grid(table, [[Panel(x, y, ("x", "y"), 0.3), Panel(x, y, ("x", "z"))]])
    first, second = figure.axes[:2]
    dots = [line for line in first.lines if line.get_marker() not in ("None", "_", "|")]
    assert len(dots) == n - 1
    assert len(first.collections) == intervals
    chance = [line for line in first.lines if line.get_linestyle() == ":"]
    assert [list(line.get_xdata()) for line in chance] == [[0.3, 0.3]]
    assert not [line for line in second.lines if line.get_linestyle() == ":"]
