"""The column `variant` of score tables, from the typed columns of `cood.metrics.metric_table`."""

from __future__ import annotations

import pandas as pd

from cood.metrics.table import ALL_FACTORS

WHOLE = "all"  # variant of a score over all factors
TYPED = ["factor", "null", "projection", "width"]


def with_variant(table: pd.DataFrame) -> pd.DataFrame:
    """Put one column `variant` for `factor`, `null`, `projection` and `width`.

    It is ``all``, the name of a factor, ``rotated``, or ``PCA`` and a width.

    Examples
    --------
    >>> import numpy as np
    >>> from cood.metrics import metric_table
    >>> table = metric_table(np.eye(4), [0, 0, 1, 1], metrics=["mig"], nulls=["rotated"])
    >>> with_variant(table)["variant"].tolist()
    ['all', '0', 'rotated']
    """
    variant = table["factor"].replace(ALL_FACTORS, WHOLE)
    variant = variant.where(table["null"] == "", table["null"])
    variant = variant.where(table["projection"] == "", "PCA " + table["width"].astype(str))
    return table.drop(columns=TYPED).assign(variant=variant)
