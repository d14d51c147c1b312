"""Claim C8: Z-diff over training."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cood.analysis.claims.evidence import Effect, Evidence, Untestable
from cood.analysis.stats import jackknife
from cood.analysis.topics.training_dynamics import load_training_dynamics

Z_DIFF = ("z_diff", "z_diff_single", "z_diff_strict")


def over_training(evidence: Evidence) -> dict[str, Effect]:
    """C8: difference in Z-diff between texts and images after training, and slope of images."""
    if not evidence.results.study.trained:
        raise Untestable("The study has no training dynamics.")
    table = load_training_dynamics(evidence.results.study)
    table = table[table["metric"].isin(Z_DIFF)]
    last = table[table["step"] == table.groupby("model")["step"].transform("max")]
    ends = last.pivot(index="model", columns=["metric", "space"], values="value")
    apart = {m: ends[m, "text"] - ends[m, "image"] for m in Z_DIFF if m in ends}
    slopes: dict[str, pd.Series] = {}
    for name in apart:
        rows = table[(table["metric"] == name) & (table["space"] == "image")]
        slopes[name] = pd.Series(
            {
                model: np.polyfit(np.log2(1 + part["step"]), part["value"], 1)[0]
                for model, part in rows.groupby("model")
            }
        )
    if Z_DIFF[0] not in apart:
        raise Untestable("The training dynamics do not include Z-diff.")
    full = int((ends[Z_DIFF[0]] == 1).all(axis=1).sum())
    note = (
        "By its published definition, Z-diff after training is 1 for both texts and images in "
        f"{full} models."
    )
    found = {}
    for name, kind, values in (
        ("texts minus images", "Z-diff of texts minus that of images", apart),
        ("rise of images", "slope of Z-diff per doubling of the step", slopes),
    ):
        family = evidence.models["family"].reindex(values[Z_DIFF[0]].index).to_numpy()
        average = jackknife.mean(values[Z_DIFF[0]].to_numpy(), family)
        if np.isnan(average.low):
            raise Untestable("All models with training dynamics are of one family.")
        found[name] = Effect(
            kind,
            average,
            ways=tuple(float(values[m].mean()) for m in values if m != Z_DIFF[0]),
            note=note,
        )
    return found
