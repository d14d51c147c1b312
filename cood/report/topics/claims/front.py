"""The claims on the first page: what came out in plain words, and this run beside another."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from html import escape

import pandas as pd
from pandas.io.formats.style import Styler

from cood.analysis.claims.rules import (
    CONTRADICTED,
    NO_EFFECT,
    SATURATED,
    SUPPORTED,
    UNDECIDED,
    UNTESTED,
)
from cood.analysis.claims.statistics import COEFFICIENTS
from cood.analysis.claims.tables import verdict_table
from cood.analysis.claims.verdicts import Verdict
from cood.analysis.reference import load_reference
from cood.report.topics.claims.formatting import NONE, link, scaled, table
from cood.report.topics.claims.reference import by_claim
from cood.report.topics.claims.sentences import against, grouped

REST = {  # how the others are counted: one of them, or several
    UNDECIDED: ("stays undecided", "stay undecided"),
    SATURATED: ("is saturated", "are saturated"),
    UNTESTED: ("cannot be tested", "cannot be tested"),
}
COLUMNS = ["claim", "test", "expected", "title", "verdict", "kind", "value", "low", "high", "n"]
INTRODUCED = {  # how claims with a verdict are introduced
    SUPPORTED: "supports",
    CONTRADICTED: "contradicts",
    NO_EFFECT: "finds no relevant effect for",
}


def answer(saved: pd.DataFrame, name: str) -> str:
    """Which claims a run answers, with effects and intervals, and how many it does not.

    Parameters
    ----------
    saved
        A table of verdicts: a row a test, as `verdict_table` gives it.
    name
        Of the study.
    """
    saved = saved.reindex(columns=COLUMNS)  # a run that tests nothing has no numbers
    claims = saved.drop_duplicates("claim")
    models = int(saved["n"].mode().get(0, 0))  # some tests also have other models
    parts = []
    for word, introduction in INTRODUCED.items():
        own = claims.loc[claims["verdict"] == word, "claim"]
        if len(own):
            named = "; ".join(_claim(saved[saved["claim"] == claim]) for claim in own)
            parts.append(f"{introduction}: {named}")
    counts = claims["verdict"].value_counts()
    rest = [
        f"{counts[word]} {one if counts[word] == 1 else several}"
        for word, (one, several) in REST.items()
        if word in counts
    ]
    said = ". It ".join(parts) or "supports and contradicts no claim"
    text = f"The study {name} ({models} models) {said}."
    return f"{text} Of {len(claims)} claims, {', '.join(rest)}." if rest else text


def _claim(rows: pd.DataFrame) -> str:
    """Title of a claim with its effects."""
    tested = rows[rows["value"].notna()]
    effects = [
        f"{f'{row.test} ' if len(tested) > 1 else ''}{'r = ' if row.kind in COEFFICIENTS else ''}"
        + scaled(row.value, row.low, row.high, coefficient=row.kind in COEFFICIENTS)
        for row in tested.itertuples()
    ]
    first = rows.iloc[0]
    return f"“{first['title']}” ({'; '.join([first['claim'], *effects])}){against(rows)}"


def reference_answer(study: str, reference: str) -> str:
    """`answer` of the reference run; empty if there is no other run than this."""
    saved = _reference_claims(study, reference)
    if saved is None:
        return ""
    return f"The project keeps the tables of another run as a reference. {answer(saved, reference)}"


def front(
    verdicts: Sequence[Verdict], study: str, reference: str, pages: Collection[str], folder: str
) -> Styler:
    """A row a claim, in groups: verdict, effects and corrected p in this run and in a reference.

    Parameters
    ----------
    verdicts, study, reference
        What `judge` gives for this run; names of its study and of the reference run.
    pages, folder
        Notebooks that are in the book, and their folder as seen from the page of the table.
    """
    sides = {study: by_claim(verdict_table(verdicts))}
    saved = _reference_claims(study, reference)
    if saved is not None:
        sides[reference] = by_claim(saved)
    order = {verdict.claim.id: i for i, verdict in enumerate(verdicts, start=1)}
    rows = []
    for verdict in (one for group in grouped(verdicts).values() for one in group):
        claim = verdict.claim
        row = {
            "no.": f"{order[claim.id]}",
            "claim": f"{claim.id}: {link(verdict, pages, folder, claim.title)}",
        }
        for name, side in sides.items():
            word, effects = side.get(claim.id, (NONE, NONE))
            row[f"{escape(name)}: verdict, effect, corrected p"] = f"<b>{escape(word)}</b>" + (
                f"<br>{effects}" if effects != NONE else ""
            )
        rows.append(row)
    return table(rows, "verdicts")


def _reference_claims(study: str, reference: str) -> pd.DataFrame | None:
    run = None if reference == study else load_reference(reference)
    return None if run is None else run.claims()
