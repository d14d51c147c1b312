"""Claims C6, C7, C11 and C15: metrics of disentanglement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from cood.analysis.claims.evidence import ID, Effect, Evidence, Untestable, against, in_ways
from cood.analysis.metric_correlations import (
    add_excess,
    composite,
    correlate_metrics,
    holm,
    with_control,
)
from cood.analysis.results import plain_rows, rows_with
from cood.analysis.topics.factor_sets import against_composing, load_factors
from cood.errors import StudyError

# The metrics that the papers name, or papers that cite them.
NAMED = ("z_diff", "explicitness", "dci_completeness", "dci_informativeness", "dcimig")


def _of_set(evidence: Evidence, spaces: Sequence[str], given: str | None = None) -> Effect:
    """The correlation of the mean rank by the named metrics of some spaces, and of each metric."""
    results, accuracy = evidence.results, evidence.accuracy
    scores = results.scores
    scores = scores[scores["metric"].isin(NAMED) & scores["space"].isin(spaces)]
    named = replace(results, scores=scores)
    whole = replace(results, scores=plain_rows(scores))
    id_accuracy = evidence.controls.get(ID)
    try:
        plain = correlate_metrics(whole, accuracy, NAMED, split="all")
    except StudyError as error:
        raise Untestable("The study has none of these metrics.") from error
    partial = plain.assign(pearson=np.nan)
    if id_accuracy is not None:
        partial = correlate_metrics(whole, accuracy, NAMED, split="all", given=id_accuracy)
    first, others = composite(add_excess(named, NAMED), NAMED)
    members = with_control(plain if given is None else partial, partial, "pearson")
    members = members.assign(
        set=results.set, median=plain["median"].to_numpy(), chance=plain["chance"].to_numpy()
    )
    return against(
        evidence,
        first,
        given=given,
        members=members,
        ways=in_ways(evidence, {str(i): x for i, x in enumerate(others)}),
        note=_metrics_note(plain),
    )


def _metrics_note(plain: pd.DataFrame) -> str:
    """The metrics that a mean rank is of, and those that have the same value for all models."""
    names = (plain["metric"].str.replace("_", " ") + " of " + plain["space"] + "s").tolist()
    constant = [
        name
        for name, low, high in zip(names, plain["lowest"], plain["highest"], strict=True)
        if low == high
    ]
    note = f"The mean rank is over {len(names)} metrics: {', '.join(names)}."
    return note + (f" Constant over models: {', '.join(constant)}." if constant else "")


def with_texts(evidence: Evidence) -> dict[str, Effect]:
    """C6: the named metrics of texts."""
    return {"metrics of texts": _of_set(evidence, ["text"])}


def with_images(evidence: Evidence) -> dict[str, Effect]:
    """C7: the named metrics of images."""
    return {"metrics of images": _of_set(evidence, ["image"])}


def given_in_distribution(evidence: Evidence) -> dict[str, Effect]:
    """C15: the named metrics of both spaces, given ID accuracy."""
    return {"metrics given ID accuracy": _of_set(evidence, ["image", "text"], given=ID)}


def with_factors(evidence: Evidence) -> dict[str, Effect]:
    """C11: the named metrics of the images of the factor sets."""
    study = evidence.results.study
    if not study.factor_sets:
        raise Untestable("The study has no factor sets.")
    results = load_factors(str(study.file))
    zoo = results.models[results.models["model"].isin(evidence.models.index)]
    results = replace(results, models=zoo)
    scores = results.scores
    scores = scores[scores["model"].isin(zoo["model"]) & scores["metric"].isin(NAMED)]
    scores = rows_with(scores, factor="", null="", split="all")
    measured = [m for m in NAMED if m in set(scores["metric"])]
    every = {}
    for side, part in scores.groupby(["space", "granularity"]):
        wide = part.pivot(index="model", columns=["set", "metric"], values="value")
        every[side] = wide.rank(pct=True).mean(axis=1)
    first = ("image", "words")
    if first not in every:
        raise Untestable("The study has none of these metrics on its factor sets.")
    members = against_composing(results, evidence.accuracy, measured)
    members = members[(members["space"] == "image") & (members["granularity"] == "words")]
    members = members.rename(columns=lambda name: name.removeprefix("pearson_"))
    members = members.assign(holm=holm(members["p"]))
    medians = scores.groupby(["set", "metric", "space", "granularity"])["value"].median()
    members = members.join(medians.rename("median"), on=medians.index.names)
    effect = against(
        evidence,
        every[first],
        members=members,
        ways=in_ways(evidence, {" ".join(k): x for k, x in every.items() if k != first}),
        note=f"The mean rank is over {len(members)} values: {len(measured)} metrics on "
        f"{' and '.join(study.factor_sets)}.",
    )
    return {"metrics of factor sets": effect}
