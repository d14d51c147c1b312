"""Claims C6, C7 and U2: certified metrics of disentanglement, and linear factorisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from cood.analysis.certificate import certified
from cood.analysis.claims.effects import Effect, associate
from cood.analysis.claims.evidence import OUTCOMES, Evidence, Untestable, values_of
from cood.analysis.metric_correlations import holm
from cood.analysis.results import plain_rows
from cood.analysis.stats.correlation import correlate
from cood.metrics.registry import metric_label

# The metrics that the papers name, or papers that cite them.
NAMED = ("z_diff", "explicitness", "dci_completeness", "dci_informativeness", "dcimig")
ABOUT = {"y1": "C-OoD", "y2": "gap"}


def certified_metrics(evidence: Evidence, space: str) -> list[str]:
    """Those of the named metrics that have a certificate for the embeddings of a space.

    Raises
    ------
    Untestable
        If there is no certificate, or no metric has one.
    """
    table = evidence.certificate
    if table is None:
        raise Untestable(
            "No metric has a certificate: it needs the reference run lab, or a design with points "
            "that are trained twice."
        )
    found = certified(table, NAMED, space)
    if not found:
        raise Untestable(
            f"None of the named metrics of {space}s passes all tests of the certificate."
        )
    return found


def mean_rank(values: pd.DataFrame) -> pd.Series:
    """Mean over metrics of the rank of each model, between 0 and 1.

    Parameters
    ----------
    values
        A row a model, a column a metric; NaN has no rank. Each metric has the same weight, and a
        constant one ranks all models the same.
    """
    return values.rank(pct=True).mean(axis=1, skipna=False)


def metric_values(evidence: Evidence, space: str, metrics: Sequence[str]) -> pd.DataFrame:
    """The metrics of a space in their default form over all compositions, models by metrics.

    Raises
    ------
    Untestable
        If the study has none of them.
    """
    results = evidence.results
    scores = plain_rows(results.scores[results.scores["metric"].isin(metrics)], split="all")
    scores = scores[(scores["space"] == space) & (scores["set"] == results.set)]
    wide = scores.pivot(index="model", columns="metric", values="value")
    wide = wide.reindex(evidence.models.index)
    present = [metric for metric in metrics if metric in wide and wide[metric].notna().any()]
    if not present:
        raise Untestable(f"The study has none of the certified metrics of {space}s.")
    return wide[present]


def of_space(evidence: Evidence, space: str) -> dict[str, Effect]:
    """The mean rank by the certified metrics of a space, with each outcome that the study has."""
    values = metric_values(evidence, space, certified_metrics(evidence, space))
    names = ", ".join(metric_label(name) for name in values)
    note = f"The mean rank is over {len(values.columns)} certified metrics of {space}s: {names}."
    constant = [metric_label(name) for name in values if values[name].nunique() == 1]
    if constant:
        note += f" Constant over models: {', '.join(constant)}."
    rank = mean_rank(values)
    return {
        f"{space}s, {about}": associate(
            evidence,
            f"mean rank of {space} metrics",
            rank,
            outcome,
            members=_members(evidence, space, values, outcome),
            note=note,
        )
        for outcome, about in ABOUT.items()
        if OUTCOMES[outcome] in evidence.outcomes
    }


def _members(evidence: Evidence, space: str, values: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """A row a certified metric: its coefficient by itself, with p by Holm within the set."""
    rows: list[dict[str, Any]] = []
    y = evidence.outcomes[OUTCOMES[outcome]]
    for metric in values:
        row: dict[str, Any] = {
            "set": evidence.results.set,
            "space": space,
            "metric": metric,
            "outcome": outcome,
        }
        row |= {"median": values[metric].median()}
        found = correlate(
            values[metric], y, evidence.models["family"], seed=evidence.results.study.seed
        ).pearson
        rows.append(row | {name: getattr(found, name) for name in ("value", "low", "high", "p")})
    table = pd.DataFrame(rows).reindex(
        columns=["set", "space", "metric", "outcome", "median", "value", "low", "high", "p"]
    )
    return table.assign(holm=holm(table["p"].astype(float)))


def with_texts(evidence: Evidence) -> dict[str, Effect]:
    """C6: the certified metrics of texts."""
    return of_space(evidence, "text")


def with_images(evidence: Evidence) -> dict[str, Effect]:
    """C7: the certified metrics of images."""
    return of_space(evidence, "image")


def with_factorisation(evidence: Evidence) -> dict[str, Effect]:
    """U2: share of the variance of images that sums of word vectors explain."""
    x = values_of(evidence, "linear factorisation of images", metric="r2", split="all")
    effect = associate(
        evidence, "linear factorisation of images", x["value"], chance=x["chance"].median()
    )
    return {"linear factorisation": effect}
