"""Claim C10: composed retrieval."""

from __future__ import annotations

from cood.analysis.claims.effects import Effect, associate
from cood.analysis.claims.evidence import Evidence, values_of
from cood.evaluation.accuracy.retrieval import Form


def with_retrieval(evidence: Evidence) -> dict[str, Effect]:
    """C10: what the image adds to retrieval by the text alone."""
    where = {"metric": "retrieval_top5", "split": "unseen"}
    composed, text = (
        values_of(evidence, "composed retrieval", **vars(Form(query)), **where)["value"]
        for query in ("swap", "text")
    )
    effect = associate(
        evidence,
        "composed minus text-only retrieval",
        composed - text,
        chance=0.0,
        note=f"The median model finds {composed.median():.2f} with an image and a text, and "
        f"{text.median():.2f} with the text alone (of five, one is right).",
    )
    return {"composed minus text": effect}
