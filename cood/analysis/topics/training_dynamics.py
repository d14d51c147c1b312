"""How metrics of images and texts move over training, and which moves first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cood.analysis.stats.correlation import correlate
from cood.analysis.stats.jackknife import mean
from cood.files import read_table
from cood.settings.study_file import Study

SPACES = ("image", "text")
REACHED = 0.9  # of the way from the lowest value to the last one


@dataclass(frozen=True)
class Lead:
    """By how much texts are ahead of images, over n models in `families` families.

    Attributes
    ----------
    doublings
        Mean over models of log2(images' step / texts' step): above 0, texts come first.
    low, high
        Interval from leaving out each family in turn.
    n, families
        Models that have both steps, and their families.
    """

    doublings: float
    low: float
    high: float
    n: int
    families: int

    def __str__(self) -> str:
        """With its interval, as captions give it."""
        return (
            f"{self.doublings:.1f} [{self.low:.1f}, {self.high:.1f}] doublings of the steps, "
            f"n = {self.n} models in {self.families} families"
        )


def load_training_dynamics(study: Study) -> pd.DataFrame:
    """Tables of all models trained here, joined.

    See `cood.evaluation.representation.training_dynamics`.
    """
    tables = [read_table(study.paths.model_training_dynamics(name)) for name in study.trained]
    return pd.concat(tables, ignore_index=True)


def reached(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Step by which a metric has arrived, models by spaces.

    That is the first moment from which on it stays at nine tenths of the way, or further, from
    its lowest value to its last one. NaN where the last value is not above the lowest: nothing
    was gained over training. The first moment, before any step, counts as half a step.
    """
    rows = {}
    for (model, space), part in table[table["metric"] == metric].groupby(["model", "space"]):
        part = part.sort_values("step")
        values, steps = part["value"].to_numpy(), part["step"].to_numpy(float)
        low, last = values.min(), values[-1]
        if not last > low:
            rows[model, space] = np.nan
            continue
        below = np.flatnonzero(values < low + REACHED * (last - low))
        rows[model, space] = max(0.5, steps[below[-1] + 1])
    return pd.Series(rows, dtype=float).unstack().reindex(columns=list(SPACES))


def lead(steps: pd.DataFrame, families: pd.Series) -> Lead:
    """How far texts are ahead of images on the way of `reached`.

    Parameters
    ----------
    steps
        Models by spaces, as `reached` gives it.
    families
        By model; `cood.analysis.stats.jackknife.mean` gives the interval, 95 %.
    """
    both = steps.dropna()
    ahead = np.log2(both["image"] / both["text"]).to_numpy()
    family = families.reindex(both.index).to_numpy(str)
    if not len(ahead):
        return Lead(np.nan, np.nan, np.nan, 0, 0)
    average = mean(ahead, family)
    return Lead(average.value, average.low, average.high, average.n, average.families)


def lagged(table: pd.DataFrame, metric: str, families: pd.Series) -> pd.DataFrame:
    """Correlation of the changes of one space with those of the other a moment later.

    Changes between moments, each space's centred on its mean over models at that moment, as all
    models move in step; pooled over models and moments.

    Parameters
    ----------
    table, metric
        As `load_training_dynamics` gives it, and which metric.
    families
        By model; intervals come from leaving out each in turn, as in `correlate`, 95 %.

    Returns
    -------
    pandas.DataFrame
        Rows ``images follow texts``, ``at once`` and ``texts follow images``; columns `order`,
        `value`, `low`, `high` and `n`, the pairs of changes.
    """
    wide = table[table["metric"] == metric].assign(
        moment=lambda t: t.groupby(["model", "space"])["step"].rank().astype(int)
    )
    wide = wide.pivot(index=["model", "moment"], columns="space", values="value")
    changes = wide.groupby("model").diff()
    changes = changes - changes.groupby("moment").transform("mean")
    earlier = changes.groupby("model").shift(1)
    pairs = {
        "images follow texts": (earlier["text"], changes["image"]),
        "at once": (changes["text"], changes["image"]),
        "texts follow images": (earlier["image"], changes["text"]),
    }
    rows = []
    for name, columns in pairs.items():
        both = pd.concat(columns, axis=1, keys=["a", "b"]).dropna()
        family = families.reindex(both.index.get_level_values("model")).to_numpy(str)
        x = both.reset_index(drop=True)
        found = correlate(x["a"], x["b"], pd.Series(family), seed=0, resamples=0)
        rows.append((name, found.pearson, found.low, found.high, found.n))
    return pd.DataFrame(rows, columns=["order", "value", "low", "high", "n"])
