"""The in-distribution (ID) accuracy of a study: where it comes from and how it is named."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cood.analysis.results import Results, available_splits, pick
from cood.errors import StudyError, unknown
from cood.evaluation.accuracy.in_distribution import ID

FIRST = "first"
PUBLISHED = "published"
TRAINED = {
    "seen": "on held-out drawings of compositions that the model itself was trained on",
}


@dataclass(frozen=True)
class InDistribution:
    """In-distribution accuracy of the models of a study.

    Attributes
    ----------
    name
        For axes and headings of tables.
    meaning
        What it is measured on, to follow "the accuracy".
    values
        By model, as `pick` gives them; NaN for models without one.
    """

    name: str
    meaning: str
    values: pd.DataFrame

    @property
    def label(self) -> str:
        """Label of an axis."""
        return f"ID accuracy ({self.name})"


def sources(results: Results) -> list[str]:
    """Where the ID accuracy of a study can come from, the best source first.

    The ID sets; the published figures, if no model is trained here and some figure is available;
    the splits that the models were trained on.
    """
    names = list(results.study.id_sets)
    if not results.study.trained and results.models.get("published_id", pd.Series()).notna().any():
        names.append(PUBLISHED)
    return names + [split for split in TRAINED if split in available_splits(results)]


def in_distribution(results: Results, source: str, metric: str) -> InDistribution:
    """ID accuracy of every model.

    Parameters
    ----------
    results
        The tables of a study.
    source
        One of `sources`, or ``first`` for the first of them; without any, all values are NaN.
    metric
        The C-OoD accuracy that it is compared with: splits have the same metric, ID sets have
        top-5 accuracy if that is a top-5 accuracy, and top-1 otherwise.

    Raises
    ------
    StudyError
        If the study has no such source.
    """
    available = sources(results)
    if source == FIRST:
        source = available[0] if available else ""
    elif source not in available:
        raise StudyError(unknown("source of ID accuracy", source, available))
    if source in TRAINED:
        return InDistribution(source, TRAINED[source], pick(results, split=source, metric=metric))
    if source in results.study.id_sets:
        top, id_metric = (5, "id_top5") if metric == "pair_top5" else (1, "id_top1")
        values = pick(results, set=source, split=ID, metric=id_metric)
        return InDistribution(
            f"{source}, top-{top}", f"among the classes of the ID set {source} (top-{top})", values
        )
    values = pd.DataFrame(
        np.nan, index=results.models["model"], columns=["value", "low", "high", "chance", "n"]
    )
    if source != PUBLISHED:
        return InDistribution("unknown", "in distribution, which is unknown in this study", values)
    values["value"] = results.models["published_id"].to_numpy(float)
    meaning = "on ImageNet (top-1) that the paper's authors published; it was not computed here"
    return InDistribution("ImageNet, published", meaning, values)
