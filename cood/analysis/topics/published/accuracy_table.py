"""The table of the authors on published CLIPs: accuracy on ImageNet and ImageNet-AO v1.

68 loads of checkpoints of open_clip, each with its accuracy on ImageNet's validation set (1,000
classes, 50,000 images) and among the 889 object names of ImageNet-AO v1 (46,092 images by DALL-E,
the attribute ignored). No accuracy on compositions was published by model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cood.analysis.pretraining_sets import LARGE, SMALL
from cood.analysis.stats.correlation import Correlation, correlate
from cood.analysis.stats.estimate import Estimate
from cood.analysis.stats.regression import Line, fit_line, to_logit
from cood.analysis.stats.verdict import interval_verdict
from cood.analysis.topics.published.contrasts import SIZES, curation, next_epoch
from cood.analysis.topics.published.effective_robustness import (
    Difference,
    compare_sets,
    robustness_by,
)
from cood.catalogue import checkpoints as catalogue
from cood.errors import CoodError, unknown

ID_CLASSES, ID_IMAGES = 1000, 50_000
OOD_CLASSES, OOD_IMAGES = 889, 46_092
COLUMNS = {
    "imagenet_val_top1": "id",
    "imagenet_val_top5": "id_top5",
    "v1_ood_object_top1": "ood",
    "v1_ood_object_top5": "ood_top5",
}
# Selections of rows, from most to fewest.
LOADS = {
    "distinct": "distinct loads",
    "right": "right activation",
    "apart": "right activation, one epoch a run",
}
LARGE_SETS, SMALL_SETS = tuple(LARGE.values()), tuple(SMALL.values())
MAGNITUDE = 10.0  # the smallest ratio that is read as "orders of magnitude"


@dataclass(frozen=True)
class Statistic:
    """A statistic of the table that bears on a claim.

    Attributes
    ----------
    claim, name
        Such as ``C4``, and the name of the statistic.
    estimate
        With its interval, and p if there is one.
    threshold
        The claim holds if the estimate lies above it.
    n, sets
        Models, and independent pre-training sets.
    """

    claim: str
    name: str
    estimate: Estimate
    threshold: float
    n: int
    sets: int

    @property
    def verdict(self) -> str:
        """``supported``, ``contradicted`` or ``undecided``, by where the whole interval lies."""
        return interval_verdict(self.estimate, self.threshold)


def published_table() -> pd.DataFrame:
    """All rows of the table, with the facts of the catalogue about each checkpoint.

    Returns
    -------
    pandas.DataFrame
        `model` (as the authors wrote it), `checkpoint` (its right name), `architecture`;
        `family`, `set`, `pool`, `scale` and `filter` of the pre-training data, where `pool` is
        what the set was chosen from (CommonPool of the same scale for DataComp, LAION-5B for
        LAION-2B); `pairs`, `samples_seen`, `parameters`, `embed_dim`, `resolution`, NaN where
        unknown; `id`, `id_top5`, `ood` and `ood_top5`, accuracies between 0 and 1;
        `wrong_activation`; `removed`, why the row is excluded, else empty.
    """
    rows = []
    for load in catalogue.loads():
        facts = catalogue.facts(load.checkpoint)
        removed = f"broken: {load.broken}" if load.broken else ""
        if load.same_as:
            removed = f"same weights and same figures as {load.same_as}"
        rows.append(
            {
                "model": load.name,
                "checkpoint": load.checkpoint,
                "architecture": load.checkpoint.partition("/")[0].removesuffix("-quickgelu"),
                **_origin(facts.get("data", "")),
                **{name: facts.get(name, np.nan) for name in SIZES},
                **{short: load.figures[column] for column, short in COLUMNS.items()},
                "wrong_activation": load.wrong_activation,
                "removed": removed,
            }
        )
    return pd.DataFrame(rows)


def _origin(data: str) -> dict[str, str]:
    name, _, chosen = data.partition(" ")
    name = {"WIT": "OpenAI", "DataComp-1B": "DataComp-XL"}.get(name, name)
    family, scale = name, ""
    if name.startswith(("CommonPool-", "DataComp-")):
        family, _, scale = name.partition("-")
        chosen = "DataComp" if family == "DataComp" else chosen or "none"
    pool = f"CommonPool-{scale}" if scale else {"LAION-2B": "LAION-5B"}.get(name, name)
    return {"family": family, "set": name, "pool": pool, "scale": scale, "filter": chosen}


def working(table: pd.DataFrame, loads: str = "distinct", *, top: int = 1) -> pd.DataFrame:
    """The selected rows, one for each model, indexed by `model`.

    Parameters
    ----------
    table
        What `published_table` gives.
    loads
        ``distinct``: each working load once, including near duplicates and loads with the wrong
        activation; ``right``: without the latter; ``apart``: also without the earlier of two epochs
        of a run.
    top
        1, or 5: then `id` and `ood` are top-5 accuracies.

    Raises
    ------
    CoodError
        If the selection or the number is another.
    """
    if loads not in LOADS:
        raise CoodError(unknown("choice of loads", loads, LOADS))
    if top not in (1, 5):
        raise CoodError(f"the table has top-1 and top-5 accuracy, not top-{top}")
    kept = table["removed"] == ""
    if loads != "distinct":
        kept &= ~table["wrong_activation"]
    if loads == "apart":
        later = set(table.loc[kept, "model"])
        kept &= ~table["model"].map(next_epoch).isin(later)
    models = table[kept].set_index("model", drop=False).rename_axis(None)
    if top == 5:
        models = models.assign(id=models["id_top5"], ood=models["ood_top5"])
    return models


def line(models: pd.DataFrame) -> Line:
    """The line of OoD on ID accuracy, with families by pool of training data."""
    return fit_line(models["id"], models["ood"], models["pool"])


def selections(table: pd.DataFrame, loads: str, above: float, top: int) -> dict[str, pd.DataFrame]:
    """Several choices of rows and accuracies, by name; the first is that of the arguments.

    Parameters
    ----------
    table
        What `published_table` gives.
    loads, top
        As for `working`.
    above
        ID accuracy above which the models of one of the choices lie.

    Raises
    ------
    CoodError
        If fewer than three models have an ID accuracy above `above`.
    """
    models, other = working(table, loads, top=top), 6 - top
    if (models["id"] > above).sum() < 3:
        raise CoodError(
            f"fewer than three models have an ID accuracy above {above:g}; choose a lower value"
        )
    chosen = {LOADS[loads]: models}
    chosen |= {LOADS[rows]: working(table, rows, top=top) for rows in LOADS if rows != loads}
    chosen[f"ID accuracy above {100 * above:g} %"] = models[models["id"] > above]
    chosen[f"top-{other} accuracy"] = working(table, loads, top=other)
    guesses = {"id": top / ID_CLASSES, "ood": top / OOD_CLASSES}
    over = {side: (models[side] - guess) / (1 - guess) for side, guess in guesses.items()}
    chosen["accuracy beyond chance"] = models.assign(**over)
    return chosen


def associations(models: pd.DataFrame, seed: int) -> tuple[Correlation, Correlation]:
    """Correlation of ID and OoD accuracy over models: of accuracies, and of their logits."""
    x, y, pool = models["id"], models["ood"], models["pool"]
    plain = correlate(x, y, pool, seed=seed)
    return plain, correlate(to_logit(x), to_logit(y), pool, seed=seed)


def c4_difference(line: Line, models: pd.DataFrame) -> Difference:
    """Difference in effective robustness between the large and the small sets of claim C4."""
    return compare_sets(line, models["set"], LARGE_SETS, SMALL_SETS)


def reach(models: pd.DataFrame) -> tuple[float, float]:
    """Lowest ID accuracy of the large sets of claim C4, and the highest of the small ones."""
    large, small = (
        models.loc[models["set"].isin(names), "id"] for names in (LARGE_SETS, SMALL_SETS)
    )
    return float(large.min()), float(small.max())


def closest_pair(models: pd.DataFrame, within: float = 0.02) -> tuple[str, str, float]:
    """Two models of similar ID accuracy whose OoD accuracies differ most, and their ratio.

    Parameters
    ----------
    models
        `id` and `ood`, indexed by model.
    within
        Largest difference in ID accuracy.
    """
    inside, outside = models["id"].to_numpy(), models["ood"].to_numpy()
    near = np.abs(inside[:, None] - inside) <= within
    ratio = np.where(near, outside[:, None] / outside, 0)
    i, j = np.unravel_index(ratio.argmax(), ratio.shape)
    return str(models.index[i]), str(models.index[j]), float(ratio[i, j])


def by_set(models: pd.DataFrame, line: Line) -> pd.DataFrame:
    """Effective robustness of each pre-training set; see `robustness_by`."""
    return robustness_by(line, models["set"])


def claim_statistics(
    models: pd.DataFrame | None = None, *, seed: int = 0
) -> dict[str, list[Statistic]]:
    """Statistics of the table that bear on claims C2, C3 and C4, at the level of objects.

    Parameters
    ----------
    models
        What `working` returns; by default its ``distinct`` rows.
    seed
        Of the bootstrap over pools.

    Returns
    -------
    dict
        By claim; the first statistic of each follows its wording most closely.
    """
    if models is None:
        models = working(published_table())
    return {
        "C2": _id_statistics(models, seed),
        "C3": _size_statistics(models, seed),
        "C4": _group_statistics(models),
    }


def _id_statistics(models: pd.DataFrame, seed: int) -> list[Statistic]:
    fitted, (plain, _) = line(models), associations(models, seed)
    n, pools = fitted.n, fitted.families
    return [
        Statistic("C2", "Pearson, ID accuracy", plain.pearson, 0, n, pools),
        Statistic("C2", "Spearman, ID accuracy", plain.spearman, 0, n, pools),
        Statistic("C2", "slope between logits", fitted.slope, 0, n, pools),
    ]


def _size_statistics(models: pd.DataFrame, seed: int) -> list[Statistic]:
    size, logit, pool = np.log2(models["pairs"]), to_logit(models["ood"]), models["pool"]
    plain = correlate(size, logit, pool, seed=seed)
    given = correlate(size, logit, pool, given=to_logit(models["id"]), seed=seed)
    statistics = [
        Statistic("C3", name, r.spearman, 0, r.n, r.families)
        for name, r in (("Spearman, pairs", plain), ("Spearman, pairs given ID", given))
    ]
    gain = curation(models.assign(logit=logit), "logit")[1]
    scales = int(models.loc[models["filter"] == "DataComp", "scale"].nunique())
    name = "logits, DataComp minus no filter"
    return [*statistics, Statistic("C3", name, gain, 0, 2 * scales, scales)]


def _group_statistics(models: pd.DataFrame) -> list[Statistic]:
    difference = c4_difference(line(models), models)
    n = int(models["set"].isin([*LARGE_SETS, *SMALL_SETS]).sum())
    sets = sum(difference.sets)
    return [
        Statistic("C4", "logits, large minus small sets", difference.logits, 0, n, sets),
        Statistic("C4", "odds, large over small sets", difference.odds, MAGNITUDE, n, sets),
        Statistic("C4", "accuracy, large over small sets", difference.ratio, MAGNITUDE, n, sets),
    ]
