"""Metrics: pure functions on arrays.

A metric takes codes [n, d] and nominal factors [n, m] and returns a `Score`: higher means more
disentangled, unless its docstring says otherwise. `evaluate` takes many of them at once.
"""

from collections.abc import Mapping

# What `evaluate` knows, by name, with the scores that each gives, the same as its maker in
# `evaluate.py`; here, where settings can be checked without loading that.
METRICS: Mapping[str, tuple[str, ...]] = {
    "z_diff": ("z_diff", "z_diff_strict", "z_diff_single", "coverage"),
    "z_min_variance": ("z_min_variance",),
    "dci": ("dci_disentanglement", "dci_completeness", "dci_informativeness"),
    "mig": ("mig",),
    "mig_sup": ("mig_sup",),
    "dcimig": ("dcimig",),
    "modularity": ("modularity",),
    "sap": ("sap",),
    "explicitness": ("explicitness",),
    "irs": ("irs",),
}
SCORES = tuple(score for scores in METRICS.values() for score in scores)
