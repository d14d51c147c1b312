"""Metrics of images and texts during training, and which of the two rises first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cood.analysis.results import Results
from cood.analysis.stats.correlation import correlate
from cood.analysis.stats.jackknife import mean
from cood.analysis.topics.design import design_table
from cood.files import read_table
from cood.settings.study_file import Study

SPACES = ("image", "text")
ARRIVED = 0.9  # of the way from the lowest value to the last one


@dataclass(frozen=True)
class Lead:
    """How far texts are ahead of images during training, over n models in `families` families.

    Attributes
    ----------
    doublings
        Mean over models of log2(images' step / texts' step): above 0, texts come first.
    low, high
        Interval from leaving out each family in turn.
    n, families
        Models in which both metrics arrive, and their families.
    """

    doublings: float
    low: float
    high: float
    n: int
    families: int

    def __str__(self) -> str:
        """The lead with its interval, as captions give it."""
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


def final_losses(results: Results) -> pd.Series:
    """Contrastive loss of each model at the end of its training, without penalties.

    The mean over the last tenth of the table of losses, as the table of the design has it; NaN for
    a model that diverged, or that is not of the design.

    Parameters
    ----------
    results
        The tables of a study with a design, of a run or of a reference run.

    Returns
    -------
    Series
        Indexed by model, in the order of `results.models`.

    Raises
    ------
    ArtefactError
        If the table of the design is missing or damaged.
    """
    losses = design_table(results).set_index("model")["loss"]
    return losses.reindex(results.models["model"])


def arrival_steps(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Step at which a metric arrives, models by spaces.

    From that step on the metric stays at or above nine tenths of the way from its lowest value to
    its last one. NaN where the last value is the lowest: the metric gained nothing. The moment
    before the first step counts as half a step.
    """
    rows = {}
    for (model, space), part in table[table["metric"] == metric].groupby(["model", "space"]):
        part = part.sort_values("step")
        values, steps = part["value"].to_numpy(), part["step"].to_numpy(float)
        low, last = values.min(), values[-1]
        if not last > low:
            rows[model, space] = np.nan
            continue
        below = np.flatnonzero(values < low + ARRIVED * (last - low))
        rows[model, space] = max(0.5, steps[below[-1] + 1])
    return pd.Series(rows, dtype=float).unstack().reindex(columns=list(SPACES))


def lead(steps: pd.DataFrame, families: pd.Series) -> Lead:
    """How far texts are ahead of images, by the ratio of their arrival steps.

    Parameters
    ----------
    steps
        Models by spaces, as `arrival_steps` returns it.
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
    """Correlation of the changes in one space with those in the other space a moment later.

    The changes of each space are centred on their mean over models at each moment, as all models
    change together, and pooled over models and moments.

    Parameters
    ----------
    table, metric
        What `load_training_dynamics` returns, and the name of a metric.
    families
        By model; 95 % intervals come from leaving out each in turn, as in `correlate`.

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
        r = correlate(x["a"], x["b"], pd.Series(family), seed=0)
        rows.append((name, r.pearson.value, r.pearson.low, r.pearson.high, r.n))
    return pd.DataFrame(rows, columns=["order", "value", "low", "high", "n"])
