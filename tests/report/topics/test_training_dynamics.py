import pandas as pd

from cood.analysis.stats.estimate import Estimate
from cood.report.topics import training_dynamics

LEADS = {
    "a": Estimate(1.0, 0.5, 1.5, n=9, families=3),
    "b_c": Estimate(-1.0, -1.5, -0.5, n=9, families=3),
    "d": Estimate(0.1, -0.5, 0.5, n=9, families=3),
}


def test_first_and_last_values_are_medians_over_models():
    rows = [
        (model, step, space, "m_x", step + shift + (space == "text"))
        for model, shift in (("a", 0), ("b", 0), ("c", 90))
        for space in ("image", "text")
        for step in (5, 0)
    ]
    table = pd.DataFrame(rows, columns=["model", "step", "space", "metric", "value"])
    assert training_dynamics.first_and_last_values(table, "m_x") == (
        "images 0.00 before training and 5.00 after it; "
        "texts 1.00 before training and 6.00 after it"
    )


def test_the_leading_space_is_read_from_the_interval():
    text = training_dynamics.describe_leads(LEADS)
    assert "By a, texts reach their final value before images: 1.00 [0.50, 1.50] doub" in text
    assert "By b c, images reach their final value before texts" in text
    assert "By d, neither space is significantly earlier" in text


def test_a_row_for_each_lead():
    rows = training_dynamics.lead_rows(LEADS)
    assert rows["model"].tolist() == ["a", "b c", "d"]
    assert rows.loc[1, ["value", "low", "high"]].tolist() == [-1.0, -1.5, -0.5]
    assert training_dynamics.lead_rows({}).empty
