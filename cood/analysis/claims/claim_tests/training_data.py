"""Claims C3, C5 and U1: size, curation and diversity of the training data."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cood.analysis.claims.effects import Effect, associate, design_without
from cood.analysis.claims.evidence import Evidence, Untestable
from cood.analysis.topics.diversity import caption_table

NMI = "bias-corrected NMI"


def with_size(evidence: Evidence) -> dict[str, Effect]:
    """C3: number of drawings, and wrong captions; of checkpoints the number of training pairs."""
    models = evidence.models
    if evidence.design.columns.empty and "pairs" in models:
        note = "The size is the logarithm of the number of pairs; curation is not part of it."
        size = np.log2(models["pairs"].astype(float))
        return {
            "drawings": associate(evidence, "training pairs", size, is_measure=False, note=note)
        }
    found = {}
    for name, column in (("drawings", "images"), ("wrong captions", "wrong_captions")):
        others = design_without(evidence, [column])
        found[name] = associate(
            evidence, column, evidence.design[column], nuisance=others, is_measure=False
        )
    return found


def with_captions(evidence: Evidence) -> dict[str, Effect]:
    """C5: dependence of attribute and object in the captions, moved by the skew."""
    if not evidence.results.study.trained:
        raise Untestable("The training captions of the models are not available.")
    others = design_without(evidence, ["skew"])
    table = caption_table(evidence.results.study).set_index("model")
    effect = associate(
        evidence,
        NMI,
        table["corrected"],
        nuisance=others,
        chance=0.0,
        note="Given the other columns of the design, the skew is what moves the NMI.",
    )
    return {"caption NMI": effect}


def diversity_or_amount(evidence: Evidence) -> dict[str, Effect]:
    """U1: the share of compositions, and its standardised effect minus that of drawings."""
    share, drawings = "share", "images"
    others = design_without(evidence, [share, drawings])
    effects = {
        "share": associate(
            evidence,
            share,
            evidence.design[share],
            nuisance=design_without(evidence, [share]),
            is_measure=False,
        )
    }
    first, second = (_standardised(evidence.design[name]) for name in (share, drawings))
    # With effects b and c of the two, b first + c second = (b - c)(first - second) / 2 + ...: the
    # contrast of the two, given their sum, has half of the difference of the effects.
    nuisance = others.assign(**{"share plus drawings": first + second})
    effects["share minus drawings"] = associate(
        evidence, "share minus drawings", first - second, nuisance=nuisance, is_measure=False
    )
    return effects


def _standardised(column: pd.Series) -> pd.Series:
    return (column - column.mean()) / column.std()
