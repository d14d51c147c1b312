import pandas as pd

from cood.analysis.stats.correlation import Correlation
from cood.analysis.stats.estimate import Estimate
from cood.report.topics.dimensionality import describe_influence, rank_panels


def test_a_row_an_outcome_and_a_column_a_space():
    ranks = {space: pd.DataFrame({"value": [0.5]}, index=["a"]) for space in ("text", "image")}
    outcomes = pd.DataFrame({"cood": [1.0], "gap": [-1.0]}, index=["a"])
    panels = rank_panels(ranks, outcomes, "srank_0.01")
    assert [[p.labels[0] for p in row] for row in panels] == [
        ["srank 0.01 of texts", "srank 0.01 of images"]
    ] * 2
    assert [row[0].y.loc["a", "value"] for row in panels] == [1.0, -1.0]
    assert len(rank_panels(ranks, outcomes[["cood"]], "srank_0.01")) == 1


def test_how_far_one_family_moves_a_coefficient():
    moved = Correlation(pearson=Estimate(0.5, 0.1, 0.8, 0.01, 9, 9, 0.42, 0.61))
    assert describe_influence(moved) == "0.42 to 0.61"
    assert describe_influence(Correlation()) == "not estimable"
