"""The authors' own table of published CLIPs: object accuracy on ImageNet and ImageNet-AO v1.

68 loads of checkpoints of open_clip, each with its accuracy on ImageNet's validation set (1,000
classes, 50,000 images) and among the 889 object names of ImageNet-AO v1 (46,092 images by DALL-E,
the attribute ignored). No accuracy on compositions was published by model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cood.analysis.claims.rules import interval_verdict
from cood.analysis.pretraining_sets import LARGE, SMALL
from cood.analysis.stats.correlation import Correlation, correlate
from cood.analysis.stats.estimate import Estimate
from cood.analysis.stats.regression import Line, fit_line, to_logit
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
# Which rows are taken, from most to fewest.
LOADS = {
    "distinct": "distinct loads",
    "right": "right activation",
    "apart": "right activation, one epoch a run",
}
LARGE_SETS, SMALL_SETS = tuple(LARGE.values()), tuple(SMALL.values())
MAGNITUDE = 10.0  # the smallest ratio that is read as "orders of magnitude"


@dataclass(frozen=True)
class Statistic:
    """What the table says of one part of a claim.

    Attributes
    ----------
    claim, name
        Such as ``C4``, and what is computed.
    estimate
        With interval and p, if there is one.
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
    """All rows of the table, with what is known of each checkpoint.

    Returns
    -------
    pandas.DataFrame
        `model` (as the authors wrote it), `checkpoint` (its right name), `architecture`;
        `family`, `set`, `pool`, `scale` and `filter` of the pre-training data, where `pool` is
        what the set was chosen from (CommonPool of the same scale for DataComp, LAION-5B for
        LAION-2B); `pairs`, `samples_seen`, `parameters`, `embed_dim`, `resolution`, NaN where
        unknown; `id`, `id_top5`, `ood` and `ood_top5`, accuracies between 0 and 1;
        `wrong_activation`; `removed`, why the row is not a model of its own, else empty.
    """
    rows = []
    for load in catalogue.loads():
        known = catalogue.facts(load.checkpoint)
        removed = f"broken: {load.broken}" if load.broken else ""
        if load.same_as:
            removed = f"same weights and same figures as {load.same_as}"
        rows.append(
            {
                "model": load.name,
                "checkpoint": load.checkpoint,
                "architecture": load.checkpoint.partition("/")[0].removesuffix("-quickgelu"),
                **_origin(known.get("data", "")),
                **{name: known.get(name, np.nan) for name in SIZES},
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
    """Rows that count as models, indexed by `model`.

    Parameters
    ----------
    table
        What `published_table` gives.
    loads
        ``distinct``: each working load once, near-copies and loads with the wrong activation too;
        ``right``: without the latter; ``apart``: also without the earlier of two epochs of a run.
    top
        1, or 5: then `id` and `ood` are top-5 accuracies.

    Raises
    ------
    CoodError
        For another choice.
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
        ID accuracy that the models of one of the choices exceed.

    Raises
    ------
    CoodError
        If hardly a model has so high an ID accuracy.
    """
    models, other = working(table, loads, top=top), 6 - top
    if (models["id"] > above).sum() < 3:
        raise CoodError(
            f"fewer than three models have an ID accuracy above {above:g}; take a lower one"
        )
    found = {LOADS[loads]: models}
    found |= {LOADS[rows]: working(table, rows, top=top) for rows in LOADS if rows != loads}
    found[f"ID accuracy above {100 * above:g} %"] = models[models["id"] > above]
    found[f"top-{other} accuracy"] = working(table, loads, top=other)
    guesses = {"id": top / ID_CLASSES, "ood": top / OOD_CLASSES}
    over = {side: (models[side] - guess) / (1 - guess) for side, guess in guesses.items()}
    found["accuracy beyond chance"] = models.assign(**over)
    return found


def associations(models: pd.DataFrame, seed: int) -> tuple[Correlation, Correlation]:
    """Correlation of ID and OoD accuracy over models: of accuracies, and of their logits."""
    x, y, pool = models["id"], models["ood"], models["pool"]
    plain = correlate(x, y, pool, seed=seed)
    return plain, correlate(to_logit(x), to_logit(y), pool, seed=seed)


def c4_difference(found: Line, models: pd.DataFrame) -> Difference:
    """Effective robustness of OpenAI, LAION-400M and LAION-2B less that of YFCC15M and CC12M."""
    return compare_sets(found, models["set"], LARGE_SETS, SMALL_SETS)


def reach(models: pd.DataFrame) -> tuple[float, float]:
    """Lowest ID accuracy of the large sets of claim C4, and the highest of the small ones."""
    large, small = (
        models.loc[models["set"].isin(names), "id"] for names in (LARGE_SETS, SMALL_SETS)
    )
    return float(large.min()), float(small.max())


def closest_pair(models: pd.DataFrame, within: float = 0.02) -> tuple[str, str, float]:
    """Two models of nearly the same ID accuracy whose OoD accuracies differ most, and the ratio.

    Parameters
    ----------
    models
        `id` and `ood`, indexed by model.
    within
        How far ID accuracies may lie apart.
    """
    inside, outside = models["id"].to_numpy(), models["ood"].to_numpy()
    near = np.abs(inside[:, None] - inside) <= within
    ratio = np.where(near, outside[:, None] / outside, 0)
    i, j = np.unravel_index(ratio.argmax(), ratio.shape)
    return str(models.index[i]), str(models.index[j]), float(ratio[i, j])


def by_set(models: pd.DataFrame, found: Line) -> pd.DataFrame:
    """Effective robustness of each pre-training set; see `robustness_by`."""
    return robustness_by(found, models["set"])


def claim_statistics(
    models: pd.DataFrame | None = None, *, seed: int = 0
) -> dict[str, list[Statistic]]:
    """What the table says of claims C2, C3 and C4, at the level of objects.

    Parameters
    ----------
    models
        What `working` gives; by default its ``distinct`` rows.
    seed
        Of the bootstrap over pools.

    Returns
    -------
    dict
        By claim; the first statistic of each is the one that its wording asks for.
    """
    if models is None:
        models = working(published_table())
    found = line(models)
    plain, _ = associations(models, seed)
    n, pools = found.n, found.families
    size = np.log2(models["pairs"])
    logit = to_logit(models["ood"])
    alone = correlate(size, logit, models["pool"], seed=seed)
    given = correlate(size, logit, models["pool"], given=to_logit(models["id"]), seed=seed)
    ladder = models.assign(logit=logit)
    chosen = curation(ladder, "logit")[1]
    c4 = c4_difference(found, models)
    sets = sum(c4.sets)
    n_c4 = int(models["set"].isin([*LARGE_SETS, *SMALL_SETS]).sum())
    n_ladder = 2 * int(ladder.loc[ladder["filter"] == "DataComp", "scale"].nunique())
    rows = [
        Statistic("C2", "Pearson, ID accuracy", _pearson(plain), 0, n, pools),
        Statistic("C2", "Spearman, ID accuracy", _spearman(plain), 0, n, pools),
        Statistic("C2", "slope between logits", found.slope, 0, n, pools),
        Statistic("C3", "Spearman, pairs", _spearman(alone), 0, alone.n, alone.families),
        Statistic("C3", "Spearman, pairs given ID", _spearman(given), 0, given.n, given.families),
        Statistic("C3", "logits, DataComp less no filter", chosen, 0, n_ladder, n_ladder // 2),
        Statistic("C4", "logits, large less small sets", c4.logits, 0, n_c4, sets),
        Statistic("C4", "odds, large over small sets", c4.odds, MAGNITUDE, n_c4, sets),
        Statistic("C4", "accuracy, large over small sets", c4.ratio, MAGNITUDE, n_c4, sets),
    ]
    return {claim: [row for row in rows if row.claim == claim] for claim in ("C2", "C3", "C4")}


def _pearson(found: Correlation) -> Estimate:
    return Estimate(found.pearson, found.low, found.high, found.pearson_p)


def _spearman(found: Correlation) -> Estimate:
    return Estimate(found.spearman, found.spearman_low, found.spearman_high, found.spearman_p)
