"""The in-distribution (ID) accuracy of a study: where it comes from and how it is named."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from cood.analysis.results import Results, available_splits, pick
from cood.catalogue.checkpoints import published
from cood.catalogue.published_accuracy.openclip import imagenet_accuracy
from cood.errors import StudyError, unknown
from cood.evaluation.accuracy.in_distribution import ID

FIRST = "first"
PUBLISHED = "published"
OPENCLIP = "openclip"
# Who published an accuracy on ImageNet.
AUTHORS, OPENCLIP_TABLE = "the paper's authors", "OpenCLIP"
MOST_NAMED = 6  # models that a sentence names
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
    published_by
        Who published the accuracy of each model; empty for accuracies that were computed here.
    """

    name: str
    meaning: str
    values: pd.DataFrame
    published_by: pd.Series = field(default_factory=lambda: pd.Series(dtype=str))

    @property
    def label(self) -> str:
        """Label of an axis."""
        return f"ID accuracy ({self.name})"


def sources(results: Results) -> list[str]:
    """Where the ID accuracy of a study can come from, the best source first.

    The ID sets; ``published``, if no model is trained here and an accuracy of some model was
    published, by the paper's authors or else by OpenCLIP; ``openclip``, those of OpenCLIP alone, if
    they differ from the former; the splits that the models were trained on.
    """
    names = list(results.study.id_sets)
    if not results.study.trained:
        by = set(published_accuracy(results)["published_by"])
        if by - {""}:
            names.append(PUBLISHED)
        if AUTHORS in by and openclip_accuracy(results).notna().any():
            names.append(OPENCLIP)
    return names + [split for split in TRAINED if split in available_splits(results)]


def openclip_accuracy(results: Results) -> pd.Series:
    """Accuracy on ImageNet (top-1) that OpenCLIP published, by model; NaN where there is none."""
    listed, models = imagenet_accuracy(), results.study.models
    return pd.Series(
        {
            name: listed.get(getattr(models[name], "catalogue_name", ""), np.nan)
            for name in results.models["model"]
        },
        dtype=float,
    )


def published_accuracy(results: Results) -> pd.DataFrame:
    """Accuracy on ImageNet (top-1) that others published: the paper's authors, or else OpenCLIP.

    Returns
    -------
    pandas.DataFrame
        By model: `value`, NaN where there is none, and `published_by`, empty there.
    """
    models = results.models.set_index("model")
    authors = models.get("published_id", pd.Series(np.nan, index=models.index)).astype(float)
    openclip = openclip_accuracy(results)
    by = pd.Series("", index=models.index)
    by = by.mask(openclip.notna(), OPENCLIP_TABLE).mask(authors.notna(), AUTHORS)
    return pd.DataFrame({"value": authors.fillna(openclip), "published_by": by})


def difference_of_publishers() -> tuple[float, int]:
    """OpenCLIP's ImageNet accuracies minus the authors': mean over n checkpoints with both."""
    authors, openclip = published(), imagenet_accuracy()
    apart = [openclip[name] - authors[name] for name in authors if name in openclip]
    return float(np.mean(apart)), len(apart)


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
    if source not in (PUBLISHED, OPENCLIP):
        values = _without_interval(pd.Series(np.nan, index=results.models["model"]))
        return InDistribution("unknown", "in distribution, which is unknown in this study", values)
    return _published(results, source)


def _published(results: Results, source: str) -> InDistribution:
    table = published_accuracy(results)
    if source == OPENCLIP:
        openclip = openclip_accuracy(results)
        by = pd.Series(np.where(openclip.notna(), OPENCLIP_TABLE, ""), index=openclip.index)
        table = pd.DataFrame({"value": openclip, "published_by": by})
    by = table["published_by"]
    groups = {who: by.index[by == who].tolist() for who in (AUTHORS, OPENCLIP_TABLE)}
    if not all(groups.values()):
        who = next(name for name, members in groups.items() if members)
        text = f"that {who} published"
    else:
        apart, n = difference_of_publishers()
        filled = groups[OPENCLIP_TABLE]
        which = ", ".join(filled)
        if len(filled) > MOST_NAMED:
            which = f"{len(filled)} of {len(by)} models, as the saved leaderboard says of each"
        text = (
            f"that {AUTHORS} published, or {OPENCLIP_TABLE} where they did not ({which}; on the "
            f"{n} checkpoints with both, the accuracy of {OPENCLIP_TABLE} is {100 * apart:.1f} "
            "points higher on average)"
        )
    return InDistribution(
        "ImageNet, OpenCLIP" if source == OPENCLIP else "ImageNet, published",
        f"on ImageNet (top-1) {text}; it was not computed here",
        _without_interval(table["value"]),
        by,
    )


def _without_interval(value: pd.Series) -> pd.DataFrame:
    rest = dict.fromkeys(["low", "high", "chance", "n"], np.nan)
    return pd.DataFrame({"value": value, **rest}, index=value.index)
