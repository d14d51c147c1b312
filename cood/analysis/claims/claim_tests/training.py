"""Claims C8 and C14: what training does to embeddings."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cood.analysis.claims.effects import Effect, effect_of
from cood.analysis.claims.evidence import Evidence, Untestable, values_of
from cood.analysis.claims.rules import is_saturated
from cood.analysis.claims.statistics import MEAN, PARTIAL, Statistic
from cood.analysis.thresholds import load_thresholds
from cood.analysis.topics.diversity import caption_table
from cood.analysis.topics.training_dynamics import final_losses, load_training_dynamics

PUBLISHED, SINGLE = "z_diff", "z_diff_single"
BEFORE, AFTER = "before", "after"


def over_training(evidence: Evidence) -> dict[str, Effect]:
    """C8: how training changes Z-diff of single pairs, of texts minus images and of images."""
    if not evidence.results.study.trained:
        raise Untestable("The study has no training dynamics.")
    table = load_training_dynamics(evidence.results.study)
    ends = first_and_last(table[table["model"].isin(evidence.models.index)], (PUBLISHED, SINGLE))
    if SINGLE not in ends.columns.get_level_values("metric"):
        raise Untestable("The training dynamics do not include Z-diff.")
    change = {
        space: ends[SINGLE, space, AFTER] - ends[SINGLE, space, BEFORE]
        for space in ("text", "image")
    }
    limits = load_thresholds()
    saturated = all(
        is_saturated(
            ends[PUBLISHED, space, AFTER],
            share=limits.saturated_share,
            tolerance=limits.saturated_tolerance,
        )
        for space in ("text", "image")
    )
    median = ends.median()
    note = (
        f"Median Z-diff of single pairs, before and after training: texts "
        f"{median[SINGLE, 'text', BEFORE]:.2f} and {median[SINGLE, 'text', AFTER]:.2f}, images "
        f"{median[SINGLE, 'image', BEFORE]:.2f} and {median[SINGLE, 'image', AFTER]:.2f}. "
        "Z-diff by its published definition after training: texts "
        f"{median[PUBLISHED, 'text', AFTER]:.3f}, images {median[PUBLISHED, 'image', AFTER]:.3f}."
    )
    values = {
        "texts minus images": change["text"] - change["image"],
        "rise of images": change["image"],
    }
    return {
        name: effect_of(
            evidence,
            Statistic(MEAN, (f"Z-diff of single pairs, {name}",)),
            {f"Z-diff of single pairs, {name}": x},
            saturated=saturated,
            note=note,
        )
        for name, x in values.items()
    }


def first_and_last(table: pd.DataFrame, metrics: tuple[str, ...]) -> pd.DataFrame:
    """Metrics before the first step and after the last one.

    Parameters
    ----------
    table, metrics
        What `load_training_dynamics` gives, and names of metrics.

    Returns
    -------
    pandas.DataFrame
        A row a model; columns (metric, space, ``before`` or ``after``).
    """
    table = table[table["metric"].isin(metrics)]
    last = table["step"] == table.groupby("model")["step"].transform("max")
    parts = {BEFORE: table[table["step"] == 0], AFTER: table[last]}
    wide = {
        moment: rows.pivot(index="model", columns=["metric", "space"], values="value")
        for moment, rows in parts.items()
    }
    return pd.concat(wide, axis=1).reorder_levels([1, 2, 0], axis=1)


def with_loss(evidence: Evidence) -> dict[str, Effect]:
    """C14: dependence of the parts of image embeddings, with the loss, given captions and width."""
    study = evidence.results.study
    if study.design is None:
        raise Untestable("The study has no design, whose table says how high the final loss is.")
    end = final_losses(evidence.results)
    parts = values_of(evidence, "dependence of parts", metric="part_dependence", split="all")
    loss, dependence = "log of the final loss", "dependence of attribute and object parts"
    fixed = {
        "NMI of the captions": caption_table(study).set_index("model")["corrected"],
        "width": np.log2(evidence.models["embed_dim"]),
    }
    columns = {loss: np.log(end.where(end > 0)), dependence: parts["value"], **fixed}
    effect = effect_of(
        evidence,
        Statistic(PARTIAL, (loss,), (dependence,), tuple(fixed)),
        columns,
        outcome="dependence",
        chance=float(parts["chance"].median()),
        note="The parts of an image embedding are its projections on the directions of attributes "
        "and on those of objects; the dependence is their normalised cross-covariance, between 0 "
        "and 1. The claim is a derivation: this tests what follows from it.",
    )
    return {"dependence with the loss": effect}
