"""Verdicts on the claims for the report: sentences, tables and figures."""

from cood.report.topics.claims.figure import described, forest
from cood.report.topics.claims.formatting import embedded
from cood.report.topics.claims.reference import beside_reference, draws
from cood.report.topics.claims.sentences import (
    answer_sentences,
    counts,
    grouped,
    headline,
    resolution,
)
from cood.report.topics.claims.single import describe_claims
from cood.report.topics.claims.specification import (
    curves,
    specification_curve_of,
    specifications,
)
from cood.report.topics.claims.tables import metrics, power_table, remarks, summary, tests

__all__ = [
    "answer_sentences",
    "beside_reference",
    "counts",
    "curves",
    "describe_claims",
    "described",
    "draws",
    "embedded",
    "forest",
    "grouped",
    "headline",
    "metrics",
    "power_table",
    "remarks",
    "resolution",
    "specification_curve_of",
    "specifications",
    "summary",
    "tests",
]
