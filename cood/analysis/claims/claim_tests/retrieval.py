"""Claim C10: composed retrieval."""

from __future__ import annotations

from cood.analysis.claims.evidence import Effect, Evidence, against, in_selections, values_of
from cood.evaluation.accuracy.retrieval import COMPOSED, FORMS, Form


def with_retrieval(evidence: Evidence) -> dict[str, Effect]:
    """C10: composed retrieval."""
    where = {"metric": "retrieval_top5", "split": "unseen"}
    first = Form("swap")
    x = values_of(evidence, "composed retrieval", **vars(first), **where)
    others = [vars(form) for form in FORMS if form.query in COMPOSED and form != first]
    ways = in_selections(evidence, others, space="image", **where)
    effect = against(evidence, x["value"], chance=x["chance"], ways=ways)
    return {"composed retrieval": effect}
