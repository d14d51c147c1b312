"""The columns of a table of metrics as those of a table of scores."""

from __future__ import annotations

import pandas as pd

from cood.metrics import metric_table


def typed(table: pd.DataFrame) -> pd.DataFrame:
    """What `cood.metrics.metric_table.evaluate` calls `variant`, in the columns of a score table.

    They are `factor`, `null`, `projection` and `width`. To be deleted once that function returns
    these columns.
    """
    if "variant" not in table:
        return table
    variant = table["variant"]
    plain, rotated = variant == metric_table.WHOLE, variant == "rotated"
    width = variant.str.extract(r"^PCA (\d+)$", expand=False).astype("Int64")
    projected = width.notna()
    return table.drop(columns="variant").assign(
        factor=variant.where(~(plain | rotated | projected), ""),
        null=rotated.map({True: "rotated", False: ""}),
        projection=projected.map({True: "pca", False: ""}),
        width=width,
    )


def of_all_factors(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the codes as they are, over all factors."""
    return table[(table["factor"] == "") & (table["null"] == "") & (table["projection"] == "")]
