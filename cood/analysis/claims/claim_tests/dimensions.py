"""Claims C9 and C12: soft rank, and dimensions of attribute and object."""

from __future__ import annotations

from cood.analysis.claims.effects import Effect, associate
from cood.analysis.claims.evidence import Evidence, values_of
from cood.analysis.topics.dimension_swap import Choice
from cood.evaluation.interventions.dimension_swap import NEARER

RANK = "numerical_rank_0.1"
FIRST = Choice("axes", "forward", "images")


def with_rank(evidence: Evidence) -> dict[str, Effect]:
    """C9: soft rank of texts and of images."""
    found = {}
    for space in ("text", "image"):
        name = f"soft rank of {space}s"
        x = values_of(evidence, name, split="all", metric=RANK, space=space)["value"]
        found[name] = associate(
            evidence,
            name,
            x,
            note="The paper gives no formula for soft rank; the specification curve covers all "
            "definitions of this report.",
        )
    return found


def with_dimensions(evidence: Evidence) -> dict[str, Effect]:
    """C12: dimensions that attribute and object share, and swapping those of the attribute."""
    here = {"split": "all", "space": "image"}
    counts, at_random = (
        values_of(
            evidence,
            "shared dimensions",
            metric="shared_dimensions",
            control=control,
            **FIRST.columns,
            **here,
        )["value"]
        for control in (False, True)
    )
    swapped, swapped_at_random = (
        values_of(
            evidence,
            "dimension swap",
            metric="swapped_pair",
            method="zero_shot",
            exchange=NEARER,
            control=control,
            **FIRST.columns,
            **here,
        )["value"]
        for control in (False, True)
    )
    intact = values_of(
        evidence,
        "accuracy of intact codes",
        metric="intact_pair",
        method="zero_shot",
        disjoint=FIRST.disjoint,
        **here,
    )["value"]
    return {
        "shared dimensions": associate(
            evidence,
            "shared dimensions above random",
            counts - at_random,
            chance=0.0,
            note="The paper does not say how it selects dimensions; the specification curve covers "
            f"other rules. The median model shares {counts.median():.3g} dimensions, and random "
            f"ones of the same numbers {at_random.median():.3g}.",
        ),
        "dimension swap": associate(
            evidence,
            "dimension swap above random, of intact",
            (swapped - swapped_at_random) / intact.where(intact > 0),
            chance=0.0,
            note="Of its intact accuracy, the median model keeps "
            f"{(swapped / intact).median():.2f} after the swap, and "
            f"{(swapped_at_random / intact).median():.2f} after one of as many "
            "random dimensions.",
        ),
    }
