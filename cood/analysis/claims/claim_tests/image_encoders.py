"""Claim C13: CLIPs and image-only encoders."""

from __future__ import annotations

import numpy as np

from cood.analysis.claims.effects import Effect
from cood.analysis.claims.evidence import ACCURACY, Evidence, Untestable
from cood.analysis.claims.statistics import DIFFERENCE, Statistic
from cood.analysis.topics.accuracy import about_image_encoders, image_encoder_table, language_gap


def with_image_encoders(evidence: Evidence) -> dict[str, Effect]:
    """C13: CLIPs and image-only encoders, evaluated by the same linear probes."""
    if not evidence.results.study.image_encoders:
        raise Untestable("The study has no image-only encoder.")
    gap = language_gap(image_encoder_table(evidence.results, ACCURACY))
    if np.isnan(gap.value):
        raise Untestable(f"{str(gap)[0].upper()}{str(gap)[1:]}.")
    if not gap.inside:
        raise Untestable(
            "No image-only encoder has an ID accuracy within the range of the CLIPs, so a "
            "comparison at the same ID accuracy would rest on extrapolation."
        )
    effect = Effect(
        Statistic(DIFFERENCE, ()),
        gap.log_odds,
        outcome="log odds",
        note=f"In accuracy: {gap}. {about_image_encoders(evidence.results)} {gap.inside} of "
        f"{gap.image_encoders} trained image-only encoders have an ID accuracy within the range of "
        "the CLIPs.",
    )
    return {"CLIPs minus image-only": effect}
