import numpy as np
import pandas as pd

from cood.analysis.topics.training_dynamics import Lead
from cood.report.topics import training_dynamics as dynamics


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
    said = dynamics.ends(table, "m_x")
    assert said == (
        "images 0.00 before training and 5.00 after it; "
        "texts 1.00 before training and 6.00 after it"
    )
    steps = {"m_x": pd.DataFrame({"image": [5.0, 0.5], "text": [5.0, np.nan]}, index=list("ab"))}
    summary = dynamics.summary(steps, table)
    assert summary["images before, lowest, last"].tolist() == ["0.00 0.00 5.00"] * 2
    assert summary["texts arrive by"].tolist() == [5.0, None]


def test_who_comes_first_is_said_from_the_interval():
    found = {
        "a": Lead(1.0, 0.5, 1.5, 9, 3),
        "b_c": Lead(-1.0, -1.5, -0.5, 9, 3),
        "d": Lead(0.1, -0.5, 0.5, 9, 3),
    }
    said = dynamics.leads(found)
    assert "By a, texts come first: texts are ahead by 1.0 [0.5, 1.5]" in said
    assert "By b c, images come first" in said
    assert "By d, neither surely comes first" in said


def test_sure_lags_are_named():
    table = pd.DataFrame(
        {
            "order": ["images follow texts", "at once", "texts follow images"],
            **{"value": [0.4, 0.9, -0.1], "low": [0.1, 0.8, -0.3], "high": [0.6, 1, 0.2]},
            "n": 10,
        }
    )
    said = dynamics.lags({"m_x": table})
    assert said == (
        "A moment apart, these surely differ from 0: "
        "images follow texts by m x (0.40 [0.10, 0.60])."
    )
    assert "No correlation" in dynamics.lags({"m_x": table.assign(low=-1.0, high=1.0)})
    assert set(dynamics.stacked({"m_x": table})["group"]) == {"m x"}
