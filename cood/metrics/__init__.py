"""Metrics of disentanglement, rank and linearity: pure functions on arrays.

A metric takes codes [n, d] and nominal factors [n, m] and returns a `Score`: higher means more
disentangled, unless its docstring says otherwise. `metric_table` computes many of them at once;
`cood.metrics.registry` lists them.
"""

from cood.metrics.registry import LABELS, METRICS, RANGES, SCORES, SLOW, TRACKED
from cood.metrics.result import MetricWarning, Score
from cood.metrics.table import metric_table

__all__ = [
    "LABELS",
    "METRICS",
    "RANGES",
    "SCORES",
    "SLOW",
    "TRACKED",
    "MetricWarning",
    "Score",
    "metric_table",
]
