"""The table of metrics as a DataFrame that prints what is read together."""

from __future__ import annotations

import pandas as pd

from cood.metrics.printing import columns, decimal, interval, wrapped

ROW = ("metric", "factor", "null", "projection", "width")  # columns that tell rows apart
NO_INTERVAL = "folds=5 gives intervals."
NUMBERS = ("value", "low", "high", "chance", "note")
HIDDEN = ("n", "seconds")


class MetricTable(pd.DataFrame):  # type: ignore[misc]  # pandas has no types here
    """What `cood.metrics.metric_table` returns: a DataFrame that prints what is read together.

    In 80 columns: value, interval, chance, and the notes below. With fewer or more columns, it
    prints as any DataFrame.
    """

    @property
    def _constructor(self) -> type[MetricTable]:
        # Selected rows print like the whole.
        return MetricTable

    def __repr__(self) -> str:
        """The rows that are to be read together, in 80 columns."""
        if self.empty or {*self.columns} - {*HIDDEN} != {*ROW, *NUMBERS}:
            return super().__repr__()
        rows = [
            [_name(row), decimal(row["value"]), interval(row), decimal(row["chance"])]
            for row in self.to_dict("records")
        ]
        text = columns(["", "value", "interval", "chance"], rows)
        none = [NO_INTERVAL] if self["low"].isna().all() else []
        return "\n\n".join([text, *none, *_notes(self)])


def _name(row: dict[str, object]) -> str:
    width = f" {row['width']}" if row["projection"] else ""
    parts = [row["metric"], row["factor"], row["null"], f"{row['projection']}{width}"]
    return ", ".join(str(part) for part in parts if part)


def _notes(table: pd.DataFrame) -> list[str]:
    """Each note with the metrics that it is about."""
    noted = table[table["note"] != ""].groupby("note", sort=False)["metric"]
    return [wrapped(f"{', '.join(dict.fromkeys(names))}: {note}") for note, names in noted]
