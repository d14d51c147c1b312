"""Scores of dimension selection and of dimension swaps, as the notebooks show them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cood.analysis.results import Results, pick
from cood.errors import check_choice
from cood.evaluation.interventions.dimension_selection import (
    APART,
    BASES,
    FACTORS,
    steps,
)
from cood.evaluation.interventions.subset_discriminant import RULES


def ways(space: str) -> list[str]:
    """Every basis, rule, and what fit and test have not in common, as in `variant`.

    Texts are fitted and tested on different compositions only: each has one text.
    """
    apart = APART if space == "image" else ("compositions",)
    return [f"{basis} {rule} {a}" for a in apart for basis in BASES for rule in RULES]


def way(space: str, basis: str, rule: str, apart: str) -> str:
    """One of the `ways`, from parameters of a notebook.

    Raises
    ------
    NotebookError
        If a value does not occur, or not for that space.
    """
    check_choice("space", space, ("image", "text"))
    check_choice("basis", basis, BASES)
    check_choice("rule", rule, RULES)
    known = {chosen.split()[2] for chosen in ways(space)}
    check_choice(f"apart for space {space},", apart, sorted(known))
    return f"{basis} {rule} {apart}"


def accuracy_curves(results: Results, space: str, lines: Mapping[str, str]) -> pd.DataFrame:
    """Mean accuracy over models by number of dimensions, for `cood.report.plots.figures.curves`.

    Parameters
    ----------
    results
        The tables of a study.
    space
        ``image`` or ``text``.
    lines
        The `variant` that each line shows, by name.

    Returns
    -------
    pandas.DataFrame
        Columns `panel` (the factor), `line`, `x`, `value`, `chance` and `models`. If models differ
        in their number of dimensions, only those with the most frequent number.
    """
    rows = []
    for factor in FACTORS:
        for line, variant in lines.items():
            where = {"split": "all", "space": space, "variant": variant}
            widths = pick(results, metric=f"{factor}_dimensions", **where)["n"]
            width = int(widths.mode().iloc[0])
            same = widths.index[widths == width]
            for k in steps(width):
                group = "all" if k == width else str(k)
                found = pick(results, metric=f"{factor}_accuracy", group=group, **where).loc[same]
                row = {"panel": factor, "line": line, "x": int(k), "models": len(same)}
                rows.append(row | found[["value", "chance"]].mean().to_dict())
    return pd.DataFrame(rows)


def swapped_grid(
    results: Results, ways: Mapping[str, str], exchanges: Mapping[str, str], **where: str
) -> pd.DataFrame:
    """Mean score of dimension swaps over models: a row a way, a column a kind of exchange.

    Parameters
    ----------
    results
        The tables of a study.
    ways, exchanges
        The first and the last part of `variant`, by name.
    where
        Further arguments of `pick`.
    """
    return pd.DataFrame(
        {
            column: {
                row: pick(results, variant=f"{way} {exchange}", **where)["value"].mean()
                for row, way in ways.items()
            }
            for column, exchange in exchanges.items()
        }
    )
