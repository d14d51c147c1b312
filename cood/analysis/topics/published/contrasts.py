"""Contrasts within the table of the authors: models that differ in one property."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import t

from cood.analysis.stats.estimate import Estimate
from cood.analysis.stats.regression import Line

FILTERS = ["none", "basic", "text", "image", "laion", "clip", "DataComp"]  # mildest first


def next_epoch(model: str) -> str:
    """Name of the same run an epoch later; empty where no other epoch was published."""
    return model.replace("_e31", "_e32") if "_e31" in model else ""


def curation(models: pd.DataFrame, column: str) -> tuple[pd.DataFrame, Estimate]:
    """Effect of filtering the pool at fixed scale, architecture and number of pairs seen.

    Parameters
    ----------
    models
        What `working` returns, with `column`.
    column
        A number of each model.

    Returns
    -------
    tuple
        A grid of filters, mildest first, by scales; and the mean difference over scales between
        the filter of DataComp and no filter, with its t interval.
    """
    ladder = models[models["scale"] != ""]
    grid = ladder.pivot(index="filter", columns="scale", values=column)
    grid = grid.reindex(index=FILTERS, columns=["S", "M", "L", "XL"])
    gain = (grid.loc["DataComp"] - grid.loc["none"]).dropna()
    return grid, mean_of(gain.to_numpy())


def mean_of(values: np.ndarray, level: float = 0.95) -> Estimate:
    """Mean of independent values [n] with its t interval and p; NaN for fewer than two."""
    if len(values) < 2:
        return Estimate(float(values.mean()) if len(values) else np.nan)
    error, df = values.std(ddof=1) / np.sqrt(len(values)), len(values) - 1
    reach = t.ppf((1 + level) / 2, df) * error
    p = 2 * t.sf(abs(values.mean()) / error, df) if error else np.nan
    mean = float(values.mean())
    return Estimate(mean, float(mean - reach), float(mean + reach), float(p))


def noise_floor(models: pd.DataFrame, column: str) -> tuple[int, float]:
    """Number of pairs of two epochs of a run, and the standard deviation of a number within them.

    It is a lower bound of the standard deviation between runs.
    """
    later = models["model"].map(next_epoch)
    pairs = later[later.isin(models["model"])]
    apart = models.loc[pairs.index, column].to_numpy() - models.loc[pairs, column].to_numpy()
    return len(pairs), float(np.sqrt((apart**2).mean() / 2)) if len(pairs) else np.nan


def contrasts(models: pd.DataFrame, line: Line) -> pd.DataFrame:
    """Groups of models that differ in one property, as a long table.

    Returns
    -------
    pandas.DataFrame
        `contrast` (the property that differs), `fixed` (those that do not), `model`, `id`, `ood`
        and `residual`, effective robustness in logits.
    """
    name, right = models["model"], ~models["wrong_activation"]
    later = right & ~name.map(next_epoch).isin(name)
    parts: list[tuple[str, str, pd.Series]] = []
    for scale in ("S", "M", "L", "XL"):
        what = f"pool {scale}, architecture, pairs seen"
        parts.append(("filter of CommonPool", what, models["scale"] == scale))
    encoders = {
        "ViT-B-32": ["ViT-B-32", "roberta-ViT-B-32", "xlm-roberta-base-ViT-B-32", "coca_ViT-B-32"],
        "ViT-H-14": ["ViT-H-14", "xlm-roberta-large-ViT-H-14"],
        "ViT-L-14": ["ViT-L-14", "coca_ViT-L-14"],
    }
    laion = models["pool"] == "LAION-5B"
    for encoder, architectures in encoders.items():
        chosen = laion & models["architecture"].isin(architectures)
        parts.append(
            ("text encoder or captioning", f"LAION-2B or 5B, image encoder {encoder}", chosen)
        )
    parts.append(("architecture", "OpenAI", models["set"] == "OpenAI"))
    parts.append(("architecture", "LAION-400M", later & (models["set"] == "LAION-400M")))
    for architecture in ("RN50", "RN101", "ViT-B-32", "ViT-B-16", "ViT-L-14"):
        chosen = later & (models["architecture"] == architecture)
        parts.append(("training data", f"architecture {architecture}", chosen))
    for pair in name[name.map(next_epoch).isin(name)]:
        chosen = name.isin([pair, next_epoch(pair)])
        parts.append(("epoch 31 or 32", pair.removesuffix("_laion400m_e31"), chosen))
    for wrong in name[models["wrong_activation"]]:
        chosen = right & (models["checkpoint"] == models.loc[wrong, "checkpoint"])
        parts.append(("activation", models.loc[wrong, "checkpoint"], chosen | (name == wrong)))
    residual = line.models["residual"]
    rows = [
        models.loc[chosen, ["model", "id", "ood"]].assign(contrast=what, fixed=fixed)
        for what, fixed, chosen in parts
        if chosen.sum() > 1
    ]
    table = pd.concat(rows, ignore_index=True)
    table["residual"] = residual.reindex(table["model"]).to_numpy()
    return table[["contrast", "fixed", "model", "id", "ood", "residual"]]
