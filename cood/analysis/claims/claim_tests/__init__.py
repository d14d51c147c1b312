"""The statistics that test each claim.

`STATISTICS` holds one function for each claim. It takes the evidence and returns an effect for
each statistic that `claims.yaml` names, or raises `Untestable` with the reason.
"""

from __future__ import annotations

from collections.abc import Callable

from cood.analysis.claims.claim_tests.accuracy import above_the_line, with_in_distribution
from cood.analysis.claims.claim_tests.dimensions import with_dimensions, with_rank
from cood.analysis.claims.claim_tests.disentanglement import (
    with_factorisation,
    with_images,
    with_texts,
)
from cood.analysis.claims.claim_tests.factor_sets import with_factors
from cood.analysis.claims.claim_tests.guessing import against_guessing
from cood.analysis.claims.claim_tests.image_encoders import with_image_encoders
from cood.analysis.claims.claim_tests.retrieval import with_retrieval
from cood.analysis.claims.claim_tests.training import over_training, with_loss
from cood.analysis.claims.claim_tests.training_data import (
    diversity_or_amount,
    with_captions,
    with_size,
)
from cood.analysis.claims.claim_tests.treatments import with_treatments
from cood.analysis.claims.effects import Effect
from cood.analysis.claims.evidence import Evidence

STATISTICS: dict[str, Callable[[Evidence], dict[str, Effect]]] = {
    "C1": against_guessing,
    "C2": with_in_distribution,
    "C3": with_size,
    "C4": above_the_line,
    "C5": with_captions,
    "C6": with_texts,
    "C7": with_images,
    "C8": over_training,
    "C9": with_rank,
    "C10": with_retrieval,
    "C11": with_factors,
    "C12": with_dimensions,
    "C13": with_image_encoders,
    "C14": with_loss,
    "C15": with_treatments,
    "U1": diversity_or_amount,
    "U2": with_factorisation,
}
