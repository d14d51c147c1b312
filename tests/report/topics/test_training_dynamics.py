import numpy as np
import pandas as pd

from cood.analysis.stats.estimate import Estimate
from cood.report.topics import training_dynamics


def rows(value):
    return [
        (model, step, space, "m_x", value(space, step))
        for model in "ab"
        for space in ("image", "text")
        for step in (0, 5)
    ]


def test_first_and_last_values():
    columns = ["model", "step", "space", "metric", "value"]
    table = pd.DataFrame(rows(lambda space, step: step + (space == "text")), columns=columns)
    text = training_dynamics.first_and_last_values(table, "m_x")
    assert text == (
        "images 0.00 before training and 5.00 after it; "
        "texts 1.00 before training and 6.00 after it"
    )
    steps = {"m_x": pd.DataFrame({"image": [5.0, 0.5], "text": [5.0, np.nan]}, index=list("ab"))}
    summary = training_dynamics.arrival_table(steps, table)
    assert summary["images: first, lowest, last"].tolist() == ["0.00 0.00 5.00"] * 2
    assert summary["texts arrive at step"].tolist() == [5.0, None]


def test_the_leading_space_is_read_from_the_interval():
    leads = {
        "a": Estimate(1.0, 0.5, 1.5, n=9, families=3),
        "b_c": Estimate(-1.0, -1.5, -0.5, n=9, families=3),
        "d": Estimate(0.1, -0.5, 0.5, n=9, families=3),
    }
    text = training_dynamics.describe_leads(leads)
    assert (
        "By a, texts reach their final value before images: the lead of texts is 1.0 [0.5" in text
    )
    assert "By b c, images reach their final value before texts" in text
    assert "By d, neither space is significantly earlier" in text


def test_significant_lags_are_named():
    table = pd.DataFrame(
        {
            "order": ["images follow texts", "at once", "texts follow images"],
            "value": [0.4, 0.9, -0.1],
            "low": [0.1, 0.8, -0.3],
            "high": [0.6, 1, 0.2],
            "n": 10,
        }
    )
    text = training_dynamics.describe_lags({"m_x": table})
    assert text == (
        "Significant correlations at a lag of one checkpoint: "
        "images follow texts by m x (0.40 [0.10, 0.60])."
    )
    assert "No correlation" in training_dynamics.describe_lags(
        {"m_x": table.assign(low=-1.0, high=1.0)}
    )
    assert set(training_dynamics.lag_rows({"m_x": table})["group"]) == {"m x"}
