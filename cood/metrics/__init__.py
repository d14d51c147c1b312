"""Metrics of disentanglement, rank and linearity: pure functions on arrays.

A metric takes codes [n, d] and nominal factors [n, m] and returns a `Score`: higher means more
disentangled, unless its docstring says otherwise. `metric_table` computes many of them at once;
`cood.metrics.registry` lists them.
"""

from cood.metrics.dci import dci
from cood.metrics.directions import orthogonality
from cood.metrics.information import dcimig, mig, mig_sup, modularity
from cood.metrics.irs import irs
from cood.metrics.linear import fit_additive, held_out_r_squared, r_squared
from cood.metrics.prediction import explicitness, sap
from cood.metrics.rank import numerical_rank
from cood.metrics.registry import METRICS, RANGES, SCORES, SLOW, TRACKED
from cood.metrics.result import MetricWarning, Score
from cood.metrics.sampled import z_diff, z_min_variance
from cood.metrics.table import metric_table

__all__ = [
    "METRICS",
    "RANGES",
    "SCORES",
    "SLOW",
    "TRACKED",
    "MetricWarning",
    "Score",
    "dci",
    "dcimig",
    "explicitness",
    "fit_additive",
    "held_out_r_squared",
    "irs",
    "metric_table",
    "mig",
    "mig_sup",
    "modularity",
    "numerical_rank",
    "orthogonality",
    "r_squared",
    "sap",
    "z_diff",
    "z_min_variance",
]
