"""The claims on the first page: what came out in plain words, and this run beside another."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from html import escape

import numpy as np
import pandas as pd
from IPython.display import HTML
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
from cood.report.tables import with_list
from cood.report.topics.claims.formatting import link, probability, scaled, table
from cood.report.topics.claims.reference import by_claim, cell
from cood.report.topics.claims.sentences import grouped

COUNTED = {  # how claims with a verdict are counted: one of them, or several
    SUPPORTED: ("is supported", "are supported"),
    CONTRADICTED: ("is contradicted", "are contradicted"),
    NO_EFFECT: ("has no relevant effect", "have no relevant effect"),
    UNDECIDED: ("is undecided", "are undecided"),
    SATURATED: ("is saturated", "are saturated"),
    UNTESTED: ("cannot be tested", "cannot be tested"),
}
NAMED = (SUPPORTED, CONTRADICTED, NO_EFFECT)  # verdicts of which the claims have their titles
VERDICT = re.compile("|".join(one for one, _ in COUNTED.values()))
SIGNS = {"+": 1, "-": -1}
HEADLINE = ("C7", "C15")  # the paper's main claim: by correlation, and by treatments
COLUMNS = [
    *("claim", "test", "expected", "title", "verdict", "kind"),
    *("value", "low", "high", "n", "claim_holm", "why"),
]


def answer(saved: pd.DataFrame, name: str) -> str:
    """What a run says of the main claim, and which claims have which verdict: two sentences.

    Parameters
    ----------
    saved
        A table of verdicts: a row a test, as `verdict_table` gives it.
    name
        Of the study.
    """
    models, main, counted = _said(saved)
    start = f"In the study {name} ({models} models), {'; '.join(main)}. " if main else ""
    return f"{start}{counted}"


def answer_as_list(saved: pd.DataFrame, name: str, *more: str) -> HTML:
    """The same as a list, with sentences to add at its end."""
    models, main, counted = _said(saved)
    first = [_strong(f"{escape(sentence, quote=False)}.") for sentence in main]
    items = [*first, *(escape(sentence, quote=False) for sentence in (counted, *more))]
    return with_list(f"In the study <strong>{escape(name)}</strong> ({models} models):", items)


def _strong(text: str) -> str:
    """A sentence with its first verdict in bold."""
    return VERDICT.sub(r"<strong>\g<0></strong>", text, count=1)


def _said(saved: pd.DataFrame) -> tuple[int, list[str], str]:
    """Number of models, the main claims with verdicts and effects, and the count of verdicts."""
    saved = saved.reindex(columns=COLUMNS)  # a run that tests nothing has no numbers
    models = int(saved["n"].mode().get(0, 0))  # some tests also have other models
    main = [_main(saved[saved["claim"] == claim]) for claim in HEADLINE]
    claims = saved.drop_duplicates("claim")
    counts = []
    for verdict, (one, several) in COUNTED.items():
        own = claims[claims["verdict"] == verdict]
        if len(own):
            named = [f"{row.claim} “{row.title}”" for row in own.itertuples()]
            listed = ", ".join(named if verdict in NAMED else own["claim"])
            counts.append(f"{len(own)} {one if len(own) == 1 else several} ({listed})")
    return models, [*filter(None, main)], f"Of {len(claims)} claims, {'; '.join(counts)}."


def _main(rows: pd.DataFrame) -> str:
    """A claim with its verdict and effects; empty without rows."""
    if not len(rows):
        return ""
    first, tested = rows.iloc[0], rows[rows["value"].notna()]
    title = f"“{first['title']}” ({first['claim']})"
    if not len(tested):
        return f"{title} {COUNTED[UNTESTED][0]}"
    effects = [
        f"{row.test} {'r = ' if row.kind in COEFFICIENTS else ''}"
        + scaled(row.value, row.low, row.high, coefficient=row.kind in COEFFICIENTS)
        for row in tested.itertuples()
    ]
    p = probability(float(first["claim_holm"]))
    end = f"corrected p {p}" if p.startswith("<") else f"corrected p = {p}"
    return f"{title} {COUNTED[first['verdict']][0]} ({'; '.join([*effects, end])}){_against(rows)}"


def _against(rows: pd.DataFrame) -> str:
    """Which tests of a contradicted claim have the wrong sign, where others have the right one.

    Parameters
    ----------
    rows
        Those of a claim, as `verdict_table` gives them.

    Returns
    -------
    str
        A clause to append; empty if the claim is not contradicted, or by all of its tests.
    """
    tested = rows[rows["value"].notna()]
    wrong = tested.loc[np.sign(tested["value"]) != tested["expected"].map(SIGNS), "test"]
    if rows["verdict"].iloc[0] != CONTRADICTED or len(wrong) == len(tested):
        return ""
    return f", because the sign of “{'” and “'.join(wrong)}” is the opposite of the expected one"


def runs(study: str, reference: str) -> str:
    """Which runs the first page shows, as sentences."""
    own, saved = f"This report shows the study {study}.", _reference_claims(study, reference)
    if saved is None:
        return own
    return (
        f"{own} Beside it stands {reference}, a run of {_said(saved)[0]} models whose tables are "
        "kept with the project."
    )


def reference_answer(study: str, reference: str) -> HTML:
    """`answer_as_list` of the reference run; empty if there is no other run than this."""
    saved = _reference_claims(study, reference)
    return HTML("") if saved is None else answer_as_list(saved, reference)


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
        row |= {name: cell(name, side, claim.id) for name, side in sides.items()}
        rows.append(row)
    return table(rows, "verdicts")


def _reference_claims(study: str, reference: str) -> pd.DataFrame | None:
    run = None if reference == study else load_reference(reference)
    return None if run is None else run.claims()
