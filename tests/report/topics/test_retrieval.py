import pandas as pd

from cood.report.topics.retrieval import count_significant_gains


def test_gains_are_counted_by_their_intervals():
    gain = pd.DataFrame({"low": [0.1, -0.2, -0.3, 0.0], "high": [0.2, -0.1, 0.3, 0.1]})
    assert count_significant_gains(gain) == (
        "more often in 1, less often in 1, and without a difference that the 95 % interval shows "
        "in 2 (not corrected for the number of models)"
    )
