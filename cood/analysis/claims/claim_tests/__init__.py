"""The statistics that test each claim.

`STATISTICS` holds one function for each claim that is tested. It takes the evidence and returns an
effect for each test that `claims.yaml` names, or raises `Untestable` with the reason.
"""

from __future__ import annotations

from collections.abc import Callable

from cood.analysis.claims.claim_tests.accuracy import (
    above_the_line,
    image_encoders,
    spread,
    with_in_distribution,
)
from cood.analysis.claims.claim_tests.dimensions import with_dimensions, with_rank
from cood.analysis.claims.claim_tests.disentanglement import (
    given_in_distribution,
    with_factors,
    with_images,
    with_texts,
)
from cood.analysis.claims.claim_tests.retrieval import with_retrieval
from cood.analysis.claims.claim_tests.training_data import with_captions, with_size
from cood.analysis.claims.claim_tests.training_dynamics import over_training
from cood.analysis.claims.evidence import Effect, Evidence

STATISTICS: dict[str, Callable[[Evidence], dict[str, Effect]]] = {
    "C1": spread,
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
    "C13": image_encoders,
    "C15": given_in_distribution,
}
