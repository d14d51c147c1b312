"""The columns of every table of scores, and the check that a table passes when it is written.

A row is one score. Columns of their own say what kind of score it is, so that no reader has to
parse a name; where a column does not apply it is empty, or missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from cood.errors import ArtefactError, unknown
from cood.files import write_table
from cood.settings.base import SPLITS
from cood.vocabulary import CATEGORIES

# Types of columns: text is empty where a column does not apply, the other types are missing.
TEXT, NUMBER, COUNT, WHOLE_NUMBER, SWITCH = "str", "float64", "int64", "Int64", "boolean"
# Types of columns that apply to every row of a table with many rows.
SMALL, FLAG = "int32", "bool"
ALL = "all"
EMPTY = ""
OWN = "own"  # labels: the compositions of the split only
ZERO_SHOT = "zero_shot"  # method: the nearest text


@dataclass(frozen=True)
class Column:
    """One column of a table of scores.

    Attributes
    ----------
    dtype
        `TEXT`, `NUMBER`, `COUNT`, `WHOLE_NUMBER` (may be missing), `SWITCH` (true, false, or
        missing), `SMALL` (an id or a count) or `FLAG` (true or false).
    meaning
        What it holds, in a few words.
    values
        Texts that may occur besides the empty one; None if any may.
    key
        Whether it is one of those that together tell the rows apart.
    """

    dtype: str
    meaning: str
    values: tuple[str, ...] | None = None
    key: bool = True

    @property
    def blank(self) -> Any:
        """The value where the column does not apply."""
        return {TEXT: EMPTY, NUMBER: float("nan"), COUNT: 0}.get(self.dtype, pd.NA)


@dataclass(frozen=True)
class Schema:
    """The columns of one kind of table, in order."""

    name: str
    columns: Mapping[str, Column] = field(repr=False)

    @property
    def keys(self) -> list[str]:
        """Columns that together tell the rows apart."""
        return [name for name, column in self.columns.items() if column.key]

    def without(self, *names: str) -> Schema:
        """The same with some columns left out."""
        kept = {name: column for name, column in self.columns.items() if name not in names}
        return Schema(self.name, kept)


_MODEL_AND_SET = {
    "model": Column(TEXT, "name of the model or baseline"),
    "set": Column(TEXT, "name of the set of images"),
}
_NUMBERS = {
    "value": Column(NUMBER, "the score", key=False),
    "low": Column(NUMBER, "lower end of its interval", key=False),
    "high": Column(NUMBER, "upper end of its interval", key=False),
    "chance": Column(NUMBER, "value of a guess, or under shuffled labels", key=False),
    "n": Column(COUNT, "number of images, codes, pairs or dimensions behind it", key=False),
}
_REMARKS = {
    "seconds": Column(NUMBER, "how long it took to compute", key=False),
    "note": Column(TEXT, "what limits the score, or why there is none", key=False),
}
SCORES = Schema(
    "scores",
    {
        **_MODEL_AND_SET,
        "split": Column(TEXT, "which compositions", (*SPLITS, "id", "probe", "held out")),
        "category": Column(
            TEXT,
            "which attributes, by their category, or all",
            (ALL, *CATEGORIES),
        ),
        "space": Column(TEXT, "whose embeddings", ("image", "text")),
        "metric": Column(TEXT, "name of the metric"),
        "method": Column(TEXT, "how classes are predicted", ("zero_shot", "linear_probe")),
        "labels": Column(
            TEXT, "classes to choose from: all, or those of the split (own)", (ALL, "own")
        ),
        "templates": Column(TEXT, "ablation of the templates; empty for those of the study"),
        "fitted_on": Column(
            TEXT, "what a baseline or a probe was fitted on: a model's captions, or an ID set"
        ),
        "query": Column(
            TEXT, "form of a composed query", ("text", "image", "swap", "add", "pairs")
        ),
        "weight": Column(NUMBER, "of the text in a composed query"),
        "rule": Column(TEXT, "how dimensions are ranked", ("share", "weight", "forward", "random")),
        "disjoint": Column(
            TEXT, "what the parts to fit and to test on do not share", ("images", "compositions")
        ),
        "exchange": Column(
            TEXT, "dimensions that are exchanged", ("none", ALL, "needed", "nearer")
        ),
        "control": Column(SWITCH, "random dimensions in place of the chosen ones"),
        "dimensions": Column(WHOLE_NUMBER, "how many dimensions a classifier may use"),
        "codes": Column(
            TEXT,
            "which embeddings are measured",
            ("images", "means", "compositions", "attributes", "objects", "captions"),
        ),
        "basis": Column(
            TEXT, "basis that codes are expressed in", ("axes", "pca", "rotated", "concepts")
        ),
        "centred": Column(SWITCH, "whether the mean is taken off"),
        "unit_rows": Column(SWITCH, "whether codes are scaled to unit length"),
        "relative": Column(SWITCH, "whether a rank is divided by the largest possible one"),
        "factor": Column(TEXT, "of which factor; empty for all together"),
        "granularity": Column(
            TEXT, "whether factors of a scene have their words or their values", ("words", "values")
        ),
        "null": Column(TEXT, "null that replaces codes or labels", ("rotated", "shuffled")),
        "projection": Column(TEXT, "to fewer dimensions", ("pca", "random")),
        "width": Column(WHOLE_NUMBER, "dimensions that the projection leaves"),
        **_NUMBERS,
        **_REMARKS,
    },
)
# The same study on the same machine gives the same joined table, so it has no `seconds`.
JOINED_SCORES = SCORES.without("seconds")
INTERVENTIONS = Schema(
    "interventions",
    {
        **_MODEL_AND_SET,
        "edit": Column(
            TEXT,
            "what is done to the embeddings",
            (
                "none",
                "remove attribute",
                "remove object",
                "remove shared",
                "remove residual",
                "remove random",
                "additive",
                "shuffled",
                "whiten",
                "centre",
                "rotate",
            ),
        ),
        "dose": Column(NUMBER, "how far the edit goes; 0 for an edit that has no dose"),
        "side": Column(TEXT, "which embeddings are edited", ("images", "texts", "both")),
        "space": Column(TEXT, "whose embeddings are scored", ("image", "text")),
        "metric": Column(TEXT, "name of the metric"),
        "against": Column(
            TEXT, "what the value is a difference to; empty for none", ("unedited", "control")
        ),
        **_NUMBERS,
        **_REMARKS,
    },
)
ANSWERS = Schema(
    "answers",
    {
        "set": _MODEL_AND_SET["set"],
        "image": Column(TEXT, "name in the manifest of the set"),
        "composition": Column(SMALL, "that the image shows", key=False),
        "seen": Column(FLAG, "whether the model was trained on the composition", key=False),
        "core": Column(FLAG, "whether no model is trained on the composition", key=False),
        "pair": Column(SMALL, "composition answered among all", key=False),
        "attribute": Column(SMALL, "attribute answered among all", key=False),
        "object": Column(SMALL, "object answered among all", key=False),
    },
)
ANSWER_COUNTS = Schema(
    "answer counts",
    {
        **_MODEL_AND_SET,
        "composition": Column(SMALL, "that the images show"),
        **{name: ANSWERS.columns[name] for name in ("seen", "core")},
        "n": Column(SMALL, "number of images", key=False),
        "pair": Column(SMALL, "right answers among all compositions", key=False),
        "attribute": Column(
            SMALL, "answers among all compositions with the right attribute", key=False
        ),
        "object": Column(SMALL, "answers among all compositions with the right object", key=False),
        "attribute_alone": Column(SMALL, "right answers among all attributes", key=False),
        "object_alone": Column(SMALL, "right answers among all objects", key=False),
    },
)
TRAINING_DYNAMICS = Schema(
    "training dynamics",
    {
        "model": _MODEL_AND_SET["model"],
        "step": Column(COUNT, "training step"),
        "split": Column(TEXT, "which compositions", SPLITS),
        "space": Column(TEXT, "whose embeddings", ("image", "text", "both")),
        "metric": Column(TEXT, "name of the metric"),
        "value": _NUMBERS["value"],
        "chance": _NUMBERS["chance"],
        "n": _NUMBERS["n"],
    },
)


def complete(
    rows: pd.DataFrame | Sequence[Mapping[str, Any]],
    schema: Schema = SCORES,
    **fixed: Any,
) -> pd.DataFrame:
    """Rows with all columns of a schema, in its order and types.

    Parameters
    ----------
    rows
        Some of the columns; where the others do not apply they are empty, or missing.
    schema
        The columns that the result is to have.
    **fixed
        Columns that are the same in all rows.

    Raises
    ------
    ValueError
        If a column is none of the schema's.
    """
    table = pd.DataFrame(rows).assign(**fixed)
    for name in table:
        if name not in schema.columns:
            raise ValueError(unknown(f"column of {schema.name}", str(name), schema.columns))
    return pd.DataFrame(
        {name: _complete(table, name, column) for name, column in schema.columns.items()}
    )


def _complete(table: pd.DataFrame, name: str, column: Column) -> pd.Series:
    if name not in table:
        values = pd.Series([column.blank] * len(table), index=table.index)
    elif column.dtype == TEXT:  # tables with other columns were joined
        values = table[name].fillna(EMPTY)
    else:
        values = table[name]
    return values.astype(column.dtype)


def missing_model(reason: str, schema: Schema = SCORES) -> pd.DataFrame:
    """One row without a score: its `note` is the reason why there is none."""
    return complete([{"note": reason}], schema)


def concat(tables: Iterable[pd.DataFrame], schema: Schema = SCORES) -> pd.DataFrame:
    """Tables one below the other, with all columns of a schema; empty if there is none."""
    completed = [complete(table, schema) for table in tables]
    return pd.concat(completed, ignore_index=True) if completed else complete([], schema)


def check(table: pd.DataFrame, schema: Schema = SCORES) -> None:
    """Refuse a table that does not follow its schema.

    Raises
    ------
    ArtefactError
        If columns are missing or too many, a column has another type or a value that may not
        occur, or two scores have the same keys. The message names the column and the value.
    """
    if list(table) != list(schema.columns):
        odd = set(table).symmetric_difference(schema.columns)
        raise ArtefactError(
            f"table of {schema.name}: the columns must be {', '.join(schema.columns)}; these are "
            f"missing, too many or in another place: {', '.join(map(str, odd)) or 'the order'}"
        )
    for name, column in schema.columns.items():
        values = table[name]
        if values.dtype != pd.Series([], dtype=column.dtype).dtype:
            raise ArtefactError(
                f"table of {schema.name}: column {name!r} must be of type {column.dtype}, and is "
                f"of type {values.dtype}"
            )
        if column.dtype == TEXT and values.isna().any():
            raise ArtefactError(
                f"table of {schema.name}: column {name!r} has a missing text in row "
                f"{int(values.isna().to_numpy().argmax())}; use an empty one"
            )
        if column.values is not None:
            for value in values.unique():
                if value not in (EMPTY, *column.values):
                    what = f"value in column {name!r} of {schema.name}"
                    raise ArtefactError(unknown(what, value, column.values))
    # Each table of scores has a row for a missing model.
    scored = table[table["metric"] != EMPTY] if "metric" in table else table
    repeated = scored.duplicated(schema.keys, keep=False)
    if repeated.any():
        row = scored.loc[repeated, schema.keys].iloc[0]
        shown = {k: v for k, v in row.items() if not pd.isna(v) and v != EMPTY}
        raise ArtefactError(f"table of {schema.name}: several rows have the same keys: {shown}")


def write_scores(
    table: pd.DataFrame, path: Path, schema: Schema = SCORES, compression: str = "snappy"
) -> None:
    """Check a table against its schema and write it.

    Raises
    ------
    ArtefactError
        If it does not follow the schema (see `check`), or cannot be written.
    """
    try:
        check(table, schema)
    except ArtefactError as error:
        raise ArtefactError(f"cannot write {path}: {error}") from error
    write_table(table, path, compression)
