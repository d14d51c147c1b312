"""Which accuracy a study has in distribution, and what it is to be called."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cood.analysis.results import Results, known_splits, pick
from cood.errors import StudyError, unknown
from cood.evaluation.accuracy.in_distribution import ID

FIRST = "first"
PUBLISHED = "published"
TRAINED = {
    "seen": "on fresh drawings of compositions that the model itself was trained on",
    "shared": "on fresh drawings of compositions that every model was trained on",
}


@dataclass(frozen=True)
class InDistribution:
    """Accuracy in distribution.

    Attributes
    ----------
    name
        For axes and headings of tables.
    meaning
        What it is the accuracy on, to follow "the accuracy".
    values
        By model, as `pick` gives them; NaN for models of which it is not known.
    """

    name: str
    meaning: str
    values: pd.DataFrame

    @property
    def label(self) -> str:
        """Label of an axis."""
        return f"ID accuracy ({self.name})"


def sources(results: Results) -> list[str]:
    """What ID accuracy can be taken from in a study, the best first.

    The ID sets; the published figures, if no model is trained here and some figure is known; the
    splits that the models were trained on.
    """
    found = list(results.study.id_sets)
    if not results.study.trained and results.models.get("published_id", pd.Series()).notna().any():
        found.append(PUBLISHED)
    return found + [split for split in TRAINED if split in known_splits(results)]


def in_distribution(results: Results, source: str, metric: str) -> InDistribution:
    """ID accuracy of every model.

    Parameters
    ----------
    results
        The tables of a study.
    source
        One of `sources`, or ``first`` for the first of them; without any, nothing is known.
    metric
        Of the C-OoD accuracy that it is compared with: splits give the same one, ID sets top-5
        where that is top-5, and top-1 else.

    Raises
    ------
    StudyError
        If the study has no such source.
    """
    known = sources(results)
    if source == FIRST:
        source = known[0] if known else ""
    elif source not in known:
        raise StudyError(unknown("source of ID accuracy", source, known))
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
        return InDistribution(
            "not known", "in distribution, which is not known in this study", values
        )
    values["value"] = results.models["published_id"].to_numpy(float)
    meaning = "on ImageNet (top-1) that the paper's authors published; it was not computed here"
    return InDistribution("ImageNet, published", meaning, values)
