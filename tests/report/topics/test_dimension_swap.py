import pandas as pd

from cood.report.topics.dimension_swap import describe_shared_counts


def test_counts_are_compared_with_their_interval_by_chance():
    chance = pd.DataFrame({"low": [2, 2, 2], "high": [4, 4, 4]}, index=list("abc"))
    counts = pd.DataFrame({"value": [5, 1, 4]}, index=list("abc"))
    assert describe_shared_counts(counts, chance) == (
        "within the interval expected by chance in 1 of 3 models, below it in 1 and above it in 1"
    )
