"""Metrics: pure functions on arrays.

A metric takes codes [n, d] and nominal factors [n, m] and returns a `Score`: higher means more
disentangled, unless its docstring says otherwise. `evaluate` takes many of them at once.
"""

# What `evaluate` knows, by name; here, where settings can be checked without loading it.
MEASURES = (
    *("z_diff", "z_min_variance", "dci", "mig", "mig_sup", "dcimig", "modularity", "sap"),
    *("explicitness", "irs"),
)
# The scores that they give; `dci` and `z_diff` give several.
SCORES = (
    *("z_diff", "z_diff_strict", "z_diff_single", "coverage", "z_min_variance"),
    *("dci_disentanglement", "dci_completeness", "dci_informativeness"),
    *("mig", "mig_sup", "dcimig", "modularity", "sap", "explicitness", "irs"),
)
