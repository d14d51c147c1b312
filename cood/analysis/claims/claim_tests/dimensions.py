"""Claims C9 and C12: soft rank, and dimensions of attribute and object."""

from __future__ import annotations

from cood.analysis.claims.evidence import (
    Effect,
    Evidence,
    against,
    in_selections,
    in_ways,
    values_of,
)
from cood.analysis.metric_correlations import KEYS
from cood.analysis.results import plain_rows, rows_with
from cood.analysis.topics.dimension_swap import Choice, choices
from cood.evaluation.interventions.dimension_swap import NEARER
from cood.metrics.rank import DEFINITIONS


def with_rank(evidence: Evidence) -> dict[str, Effect]:
    """C9: soft rank of texts and of images."""
    scores = evidence.results.scores
    ranks = scores[scores["metric"].isin(DEFINITIONS) & (scores["split"] == "all")]
    ranks = ranks[ranks["set"] == evidence.results.set]
    found = {}
    for space in ("text", "image"):
        where = {"metric": "numerical_rank_0.1", "space": space}
        x = values_of(evidence, f"soft rank of {space}s", split="all", **where)
        rest = rows_with(ranks, space=space)
        rest = rest.drop(plain_rows(rest, **where).index)
        groups = rest.groupby(KEYS, sort=False, dropna=False)
        ways = {str(key): rows.set_index("model")["value"] for key, rows in groups}
        found[f"soft rank of {space}s"] = against(
            evidence,
            x["value"],
            ways=in_ways(evidence, ways),
            note="The paper gives no formula for soft rank; the column 'in other ways' covers all "
            "definitions of this report.",
        )
    return found


def with_dimensions(evidence: Evidence) -> dict[str, Effect]:
    """C12: dimensions that attribute and object share, and swapping those of the attribute."""
    here = {"split": "all", "space": "image"}
    first = Choice("axes", "forward", "images")
    others = [choice.columns for choice in choices("image") if choice != first]
    shared = {"metric": "shared_dimensions", **here}
    swapped = {"metric": "swapped_pair", "method": "zero_shot", "exchange": NEARER, **here}
    counts, counts_by_chance = (
        values_of(evidence, "shared dimensions", **shared, **first.columns, control=control)
        for control in (False, True)
    )
    exchanged, exchanged_at_random = (
        values_of(evidence, "dimension swap", **swapped, **first.columns, control=control)
        for control in (False, True)
    )
    return {
        "shared dimensions": against(
            evidence,
            counts["value"],
            chance=counts_by_chance["value"],
            ways=in_selections(evidence, others, **shared),
            note="The paper does not say how it selects dimensions; the column 'in other ways' "
            "covers other selection rules.",
        ),
        "dimension swap": against(
            evidence,
            exchanged["value"],
            chance=exchanged_at_random["value"],
            ways=in_selections(evidence, others, **swapped),
            note="The random control swaps the same number of random dimensions.",
        ),
    }
