"""Claims C3 and C5: size and captions of the training set."""

from __future__ import annotations

import numpy as np

from cood.analysis.claims.evidence import Effect, Evidence, Untestable, against, in_ways
from cood.analysis.topics.diversity import caption_table


def with_size(evidence: Evidence) -> dict[str, Effect]:
    """C3: the size of the pre-training set, or the factor of this study that stands for it."""
    models = evidence.models
    if evidence.results.study.trained:
        name, x = "share of compositions", models["share"]
        note = (
            "This study compares no real pre-training sets. The share of compositions that a model "
            "sees stands for the size; other settings of the models vary too."
        )
    elif "pairs" in models:
        name, x = "size of the training set", np.log(models["pairs"])
        note = "The size is the logarithm of the number of pairs; curation is not part of it."
    else:
        raise Untestable("The sizes of the pre-training sets are unknown.")
    return {"size of the training set": against(evidence, x, skip=[name], note=note)}


def with_captions(evidence: Evidence) -> dict[str, Effect]:
    """C5: NMI of attribute and object in the captions."""
    if not evidence.results.study.trained:
        raise Untestable("The training captions of the models are not available.")
    table = caption_table(evidence.results.study).set_index("model")
    effect = against(
        evidence,
        table["geometric"],
        chance=table["shuffled"],
        ways=in_ways(evidence, {k: table[k] for k in ("arithmetic", "corrected", "information")}),
        note="The NMI depends on the share of compositions, the skew and the number of captions. "
        "This correlation does not separate them.",
    )
    return {"caption NMI": effect}
