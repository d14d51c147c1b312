"""Rows of a table of metrics that are about the codes as they are."""

from __future__ import annotations

import pandas as pd

from cood.metrics.table import ALL_FACTORS


def of_all_factors(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of what `cood.metrics.metric_table` returns, over all factors, of the codes as given."""
    as_given = (table["null"] == "") & (table["projection"] == "")
    return table[as_given & (table["factor"] == ALL_FACTORS)]
