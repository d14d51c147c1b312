"""A run beside a reference run, on the page of claims."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import pandas as pd
from IPython.display import Markdown
from pandas.io.formats.style import Styler

from cood.analysis.claims.evidence import Evidence
from cood.analysis.claims.reference_run import (
    SEED,
    Beside,
    agreement,
    agreement_text,
    put_beside,
)
from cood.analysis.claims.statistics import COEFFICIENTS
from cood.analysis.claims.subsets import verdict_frequencies
from cood.analysis.claims.tables import model_numbers, verdict_table
from cood.analysis.claims.verdicts import Verdict
from cood.analysis.reference import load_reference
from cood.report.topics.claims.formatting import NONE, probability, scaled, table

TWICE = 2  # draws are shown for runs with at least so many times the models that are drawn


def beside_reference(
    verdicts: Sequence[Verdict], evidence: Evidence, reference: str
) -> list[Markdown | Styler]:
    """A section that compares this run with a reference run; empty if there is none.

    Parameters
    ----------
    verdicts, evidence
        What `judge` gives for this run, and what it was computed from.
    reference
        Name of the study whose published run is shown; nothing is shown if it is this one.

    Raises
    ------
    ArtefactError
        If a file of the reference run is damaged.
    """
    study = evidence.results.study.name
    run = None if reference == study else load_reference(reference)
    if run is None:
        return []
    models = len(evidence.models)
    beside = put_beside(evidence.design, models, run)
    if beside is None:
        return []
    commit, date = run.provenance["commit"]["hash"][:12], run.provenance["date"][:10]
    own = {verdict.claim.id: verdict.verdict for verdict in verdicts}
    text = (
        f"**Beside the reference run `{reference}`**\n\nThe project has the tables of a finished "
        f"run of the study `{reference}` in `reference/{reference}/` (commit `{commit}`, {date}). "
        f"{agreement_text(agreement(own, beside.words))}"
    )
    parts = [Markdown(text + _within_text(own, beside, reference, study))]
    parts.append(_side_by_side(verdicts, beside, study, reference))
    if beside.frequencies is not None:
        parts += [Markdown(_draws_text(models, reference)), frequency_table(beside.frequencies)]
    return parts


def _within_text(own: dict[str, str], beside: Beside, reference: str, study: str) -> str:
    if not beside.within:
        return ""
    within = {verdict.claim.id: verdict.verdict for verdict in beside.within}
    return (
        f"\n\nThe column *within ranges* has the verdicts for the {beside.models} models of "
        f"`{reference}` whose factors lie within the ranges of `{study}`, without treatments that "
        f"`{study}` lacks; the range of each realised factor (but the strength) is widened at both "
        "ends by the mean distance of its values. Correlations depend on these ranges. There, "
        f"{_lower(agreement_text(agreement(own, within)))}"
    )


def _lower(text: str) -> str:
    return text[0].lower() + text[1:]


def _draws_text(models: int, reference: str) -> str:
    return (
        f"How often would {models} models have given each verdict? The next table draws {models} "
        f"of the models of `{reference}` 1,000 times, without replacement, and decides on each "
        "draw. To be quick, p is parametric there. Tests that rest on other models (such as "
        "image-only encoders, or models of factor sets) keep the result of the whole run."
    )


def draws(verdicts: Sequence[Verdict], evidence: Evidence, models: int) -> list[Markdown | Styler]:
    """How often each verdict would come with fewer models; empty for a run that is not larger.

    Parameters
    ----------
    verdicts, evidence
        What `judge` gives for this run, and what it was computed from.
    models
        How many are drawn from this run.
    """
    if len(evidence.models) < TWICE * models:
        return []
    numbers = model_numbers(verdicts, evidence.design).set_index("model")
    found = verdict_frequencies(verdict_table(verdicts), numbers, models=models, seed=SEED)
    study = evidence.results.study.name
    return [Markdown(_draws_text(models, study)), frequency_table(found)]


def _side_by_side(
    verdicts: Sequence[Verdict], beside: Beside, study: str, reference: str
) -> Styler:
    sides = {study: by_claim(verdict_table(verdicts)), reference: by_claim(beside.table)}
    if beside.within:
        sides["within ranges"] = by_claim(verdict_table(beside.within))
    titles = {verdict.claim.id: verdict.claim.title for verdict in verdicts}
    for claim, title in zip(beside.table["claim"], beside.table["title"], strict=True):
        titles.setdefault(claim, title)
    rows = []
    for i, (claim, title) in enumerate(titles.items(), start=1):
        row = {"no.": f"{i}", "claim": f"{escape(claim)}: {escape(title)}"}
        row |= {name: cell(name, side, claim) for name, side in sides.items()}
        rows.append(row)
    return table(rows, "verdicts")


def cell(name: str, side: dict[str, tuple[str, str]], claim: str) -> str:
    """Verdict on a claim, effects and corrected p of one run, as HTML.

    The name of the run is shown where the columns stand one below the other.
    """
    word, effects = side.get(claim, (NONE, NONE))
    text = f'<span class="run">{escape(name)}: </span><b>{escape(word)}</b>'
    return text + (f"<br>{effects}" if effects != NONE else "")


def by_claim(saved: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Verdict on each claim of a table of verdicts, and as HTML its effects and corrected p.

    A claim that was not tested has the reason.
    """
    columns = ["claim", "test", "verdict", "kind", "value", "low", "high", "claim_holm", "why"]
    claims = {}
    for claim, rows in saved.reindex(columns=columns).groupby("claim", sort=False):
        tested = rows[rows["value"].notna()]
        effects = [_effect(row.test, row, alone=len(tested) == 1) for row in tested.itertuples()]
        if len(tested):
            effects.append(f"p {probability(float(rows['claim_holm'].iloc[0]))}")
        elif isinstance(rows["why"].iloc[0], str):
            effects.append(escape(rows["why"].iloc[0]))
        claims[str(claim)] = rows["verdict"].iloc[0], "<br>".join(effects) or NONE
    return claims


def _effect(test: str, row: Any, *, alone: bool) -> str:
    """A statistic with its interval, and its name unless it is the only coefficient."""
    coefficient = row.kind in COEFFICIENTS
    number = scaled(row.value, row.low, row.high, coefficient=coefficient)
    named = "" if alone and coefficient else f"{escape(test)}: "
    return f"{named}{'r = ' if coefficient else ''}{number}"


def frequency_table(frequencies: pd.DataFrame) -> Styler:
    """A row a claim: share of the draws with each verdict that comes at all."""
    shown = frequencies.loc[:, (frequencies > 0).any()]
    rows = [
        {"claim": str(claim)} | {str(word): f"{100 * x:.0f} %" for word, x in row.items()}
        for claim, row in shown.iterrows()
    ]
    return table(rows, "intervals")
