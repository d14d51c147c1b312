"""Scores of dimension selection and of dimension swaps, as the notebooks show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from cood.analysis.results import Results, pick
from cood.errors import check_choice
from cood.evaluation.interventions.dimension_selection import (
    BASES,
    DISJOINT,
    FACTORS,
    steps,
)
from cood.evaluation.interventions.subset_discriminant import RULES


@dataclass(frozen=True)
class Choice:
    """How dimensions are chosen: columns of the table of scores.

    Attributes
    ----------
    basis, rule
        Basis of the codes, and the rule that ranks the dimensions.
    disjoint
        What the codes to fit on and to test on do not share.
    """

    basis: str
    rule: str
    disjoint: str

    @property
    def columns(self) -> dict[str, str]:
        """As `pick` takes them."""
        return asdict(self)

    def __str__(self) -> str:
        """For tables."""
        return f"{self.basis}, {self.rule}, other {self.disjoint}"


def choices(space: str) -> list[Choice]:
    """Every basis, every rule, and all that fit and test may not share.

    Texts are fitted and tested on different compositions only: each has one text.
    """
    disjoint = DISJOINT if space == "image" else ("compositions",)
    return [Choice(basis, rule, d) for d in disjoint for basis in BASES for rule in RULES]


def choose(space: str, basis: str, rule: str, disjoint: str) -> Choice:
    """One of the `choices`, from parameters of a notebook.

    Raises
    ------
    NotebookError
        If a value does not occur, or not for that space.
    """
    check_choice("space", space, ("image", "text"))
    check_choice("basis", basis, BASES)
    check_choice("rule", rule, RULES)
    possible = {choice.disjoint for choice in choices(space)}
    check_choice(f"disjoint for space {space},", disjoint, sorted(possible))
    return Choice(basis, rule, disjoint)


def accuracy_curves(results: Results, space: str, lines: Mapping[str, Choice]) -> pd.DataFrame:
    """Mean accuracy over models by number of dimensions, for `cood.report.plots.curves`.

    Parameters
    ----------
    results
        The tables of a study.
    space
        ``image`` or ``text``.
    lines
        How the dimensions of each line are chosen, by its name.

    Returns
    -------
    pandas.DataFrame
        Columns `panel` (the factor), `line`, `x`, `value`, `chance` and `models`. If models differ
        in their number of dimensions, only those with the most frequent number.
    """
    rows = []
    for factor in FACTORS:
        for line, choice in lines.items():
            where = {"split": "all", "space": space, "factor": factor, **choice.columns}
            widths = pick(results, metric="needed_dimensions", **where)["n"]
            width = int(widths.mode().iloc[0])
            same = widths.index[widths == width]
            where |= {"metric": "subset_accuracy", "method": "linear_probe"}
            for k in map(int, steps(width)):
                accuracy = pick(results, dimensions=k, **where).loc[same]
                row = {"panel": factor, "line": line, "x": k, "models": len(same)}
                rows.append(row | accuracy[["value", "chance"]].mean().to_dict())
    return pd.DataFrame(rows)


def swapped_grid(
    results: Results,
    chosen: Mapping[str, Choice],
    exchanges: Mapping[str, Mapping[str, Any]],
    **where: Any,
) -> pd.DataFrame:
    """Mean accuracy after the swap over models: a row a choice, a column a kind of exchange.

    Parameters
    ----------
    results
        The tables of a study.
    chosen
        How dimensions are chosen, by name.
    exchanges
        Columns that say what is exchanged (`exchange` and `control`), by name.
    where
        Further arguments of `pick`.
    """
    return pd.DataFrame(
        {
            column: {
                row: pick(results, **choice.columns, **exchange, **where)["value"].mean()
                for row, choice in chosen.items()
            }
            for column, exchange in exchanges.items()
        }
    )
