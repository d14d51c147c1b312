"""Claim C15: whether making embeddings disentangled makes models compose."""

from __future__ import annotations

from cood.analysis.claims.effects import Effect, associate
from cood.analysis.claims.evidence import Evidence, Untestable
from cood.analysis.topics.treatments import contrast
from cood.errors import StudyError


def with_treatments(evidence: Evidence) -> dict[str, Effect]:
    """C15: treatments minus their placebos, all together."""
    try:
        column, nuisance = contrast(evidence.results)
    except StudyError as error:
        raise Untestable("The study has no treatment with a placebo.") from error
    counts = (
        f"{int((column > 0).sum())} models have a treatment, {int((column < 0).sum())} a placebo."
    )
    return {
        f"treatment, {about}": associate(
            evidence,
            "treatment minus placebo",
            column,
            outcome,
            nuisance=nuisance,
            is_measure=False,
            note=counts,
        )
        for about, outcome in (("C-OoD", "y1"), ("gap", "y2"))
    }
