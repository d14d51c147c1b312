import numpy as np
import pandas as pd

from cood.analysis.stats.families import complete_models, leave_family_out


def test_models_that_lack_a_number_are_left_out_with_their_family():
    x, y = pd.Series([1.0, 2.0, np.nan, 4.0]), pd.Series([5.0, 6.0, 7.0, np.inf])
    columns, members, families = complete_models((x, y), pd.Series(list("baca")))
    assert [column.tolist() for column in columns] == [[1, 2], [5, 6]]
    assert members.tolist() == [1, 0]
    assert families == 2
    assert complete_models((x[:0], y[:0]), pd.Series([], dtype=str))[2] == 0


def test_weights_without_each_family():
    weights = leave_family_out(np.array([0, 1, 0, 2]), 3)
    assert weights.tolist() == [[0, 1, 0, 1], [1, 0, 1, 1], [1, 1, 1, 0]]
