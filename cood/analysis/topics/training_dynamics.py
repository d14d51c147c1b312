"""Metrics of images and texts during training, and which of the two rises first."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cood.analysis.results import Results
from cood.analysis.stats.estimate import Estimate
from cood.analysis.stats.jackknife import mean
from cood.analysis.topics.design import design_table
from cood.files import read_table
from cood.settings.study_file import Study

SPACES = ("image", "text")
ARRIVED = 0.9  # of the way from the lowest value to the last one


def load_training_dynamics(study: Study) -> pd.DataFrame:
    """Tables of all models trained here, joined, without those that repeat a point of the design.

    See `cood.evaluation.representation.training_dynamics`.
    """
    models = [name for name in study.trained if not study.replicate_of(name)]
    tables = [read_table(study.paths.model_training_dynamics(name)) for name in models]
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
    before the first step counts as half a step. Empty if the metric was not computed.
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
    if not rows:
        return pd.DataFrame(columns=list(SPACES), dtype=float)
    return pd.Series(rows, dtype=float).unstack().reindex(columns=list(SPACES))


def lead(steps: pd.DataFrame, families: pd.Series) -> Estimate:
    """How far texts are ahead of images, by the ratio of their arrival steps.

    Parameters
    ----------
    steps
        Models by spaces, as `arrival_steps` returns it.
    families
        By model; `cood.analysis.stats.jackknife.mean` gives the interval, 95 %.

    Returns
    -------
    Estimate
        Mean over models of log2(images' step / texts' step), in doublings of the steps: above 0,
        texts come first. Models are those in which both metrics arrive.
    """
    both = steps.dropna()
    ahead = np.log2(both["image"] / both["text"]).to_numpy()
    family = families.reindex(both.index).to_numpy(str)
    return mean(ahead, family) if len(ahead) else Estimate()
