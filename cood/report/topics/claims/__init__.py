"""Verdicts on the claims for the report: sentences, tables and figures."""

from cood.report.topics.claims.figure import described, forest
from cood.report.topics.claims.formatting import embedded
from cood.report.topics.claims.front import (
    answer,
    answer_as_list,
    front,
    reference_answer,
    runs,
)
from cood.report.topics.claims.reference import beside_reference, draws
from cood.report.topics.claims.sentences import (
    grouped,
    resolution,
    smallest_effect,
)
from cood.report.topics.claims.single import describe_claims
from cood.report.topics.claims.specification import (
    curves,
    specification_curve_of,
    specifications,
)
from cood.report.topics.claims.tables import metrics, power_table, remarks, tests

__all__ = [
    "answer",
    "answer_as_list",
    "beside_reference",
    "curves",
    "describe_claims",
    "described",
    "draws",
    "embedded",
    "forest",
    "front",
    "grouped",
    "metrics",
    "power_table",
    "reference_answer",
    "remarks",
    "resolution",
    "runs",
    "smallest_effect",
    "specification_curve_of",
    "specifications",
    "tests",
]
