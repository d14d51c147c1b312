"""Every metric once: its name, function, scores with their ranges, and what pages call them.

To add a metric of disentanglement, write its function ``metric(codes, factors) -> Score`` and add
one `Metric` to `REGISTRY`. Settings, tables, figures and pages read their lists from it.
`tests/metrics` then names what is still missing: the import in ``cood/metrics/__init__.py``, the
API page, the table in ``book/metrics.md``, a reference value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cood.metrics.common import finite_mean
from cood.metrics.dci import dci, dci_from
from cood.metrics.directions import orthogonality
from cood.metrics.information import (
    dcimig,
    dcimig_from,
    mig,
    mig_from,
    mig_sup,
    mig_sup_from,
    modularity,
    modularity_from,
)
from cood.metrics.irs import irs, irs_from
from cood.metrics.linear import fit_additive, held_out_r_squared, r_squared
from cood.metrics.mutual_information import Information
from cood.metrics.prediction import areas_of, explicitness, explicitness_from, sap
from cood.metrics.rank import numerical_rank
from cood.metrics.result import Score
from cood.metrics.sampled import (
    BATCH,
    Z_DIFF_POINTS,
    z_diff,
    z_diff_from,
    z_min_variance,
    z_min_variance_from,
)
from cood.metrics.shared_input import SharedInput

SINGLE = 1  # pairs in a point of `z_diff_single`: nothing is averaged, so it is harder
# Points to vote and to score on: fewer than the published 10,000 and 5,000, as Z-min variance is
# computed again for each null and each fold.
Z_MIN_POINTS = (4000, 2000)

# One score for all outputs of the metric, or one for each of them.
Compute = Callable[[SharedInput], Score | Sequence[Score]]


@dataclass(frozen=True)
class Output:
    """One of the scores of a metric.

    Attributes
    ----------
    name
        As tables and studies call it.
    label
        As pages call it.
    low, high
        Least and greatest value possible, which bound intervals; infinite if there is none.
    part
        Name of the value among the parts of the `Score`; empty for its value.
    per_factor
        Name of the part [m] with its values for each factor; empty if there is none.
    has_chance
        Whether it depends on the factors: else shuffled labels say nothing about it.
    """

    name: str
    label: str
    low: float
    high: float
    part: str = ""
    per_factor: str = ""
    has_chance: bool = True


@dataclass(frozen=True)
class Metric:
    """A metric as studies name it, with all of its scores.

    Attributes
    ----------
    name
        As studies call it.
    function
        Public function of codes and factors; its docstring gives formula, range and source.
    outputs
        Its scores.
    compute
        The same from what metrics share (`SharedInput`), for a metric that reuses such results or
        draws (from `SharedInput.rng`), and takes codes that are a tensor on a GPU. By default,
        `function` is called with arrays of NumPy.
    tracked
        Whether it is followed over the training of a model, on one image a composition.
    slow
        Whether it takes longer than all that are not, together.
    """

    name: str
    function: Callable[..., Score]
    outputs: tuple[Output, ...]
    compute: Compute | None = None
    tracked: bool = False
    slow: bool = False

    def scores(self, shared: SharedInput) -> list[Score]:
        """A `Score` for each of the outputs."""
        if self.compute is None:
            scores: Score | Sequence[Score] = self.function(shared.array, shared.data.factors)
        else:
            scores = self.compute(shared)
        return [scores] * len(self.outputs) if isinstance(scores, Score) else list(scores)


def _z_diff(shared: SharedInput) -> list[Score]:
    data, covered = shared.data, shared.coverage
    batched, single = (
        z_diff_from(data, covered, size, Z_DIFF_POINTS, True, "discriminant", shared.rng)
        for size in (BATCH, SINGLE)
    )
    mean = finite_mean(covered.areas)
    note = shared.data.note if np.isnan(mean) else covered.note
    coverage = Score(mean, {"factors": covered.areas}, note)
    return [batched, batched, single, coverage]


def _z_min_variance(shared: SharedInput) -> Score:
    return z_min_variance_from(
        shared.data,
        shared.coverage,
        BATCH,
        Z_MIN_POINTS,
        sampling="balanced",
        threshold=0.0,
        rng=shared.rng,
    )


def _dci(shared: SharedInput) -> Score:
    return dci_from(shared.data, shared.standardised, shared.rows[1], "boosted lines")


def _from_information(metric: Callable[[Information], Score]) -> Compute:
    return lambda shared: metric(shared.information)


def _sap(shared: SharedInput) -> Score:
    return sap(shared.data.codes, shared.data.factors, test=shared.rows[1])


def _explicitness(shared: SharedInput) -> Score:
    areas = list(areas_of(shared.data, shared.standardised, shared.rows[1]))
    return explicitness_from(shared.data, areas, "discriminant")


def _irs(shared: SharedInput) -> Score:
    return irs_from(shared.data, shared.information.unclaimed)


REGISTRY = (
    Metric(
        "z_diff",
        z_diff,
        (
            Output("z_diff", "Z-diff", 0, 1),
            Output("z_diff_strict", "Z-diff (strict)", 0, 1, part="strict"),
            Output("z_diff_single", "Z-diff (single pairs)", 0, 1),
            Output("coverage", "Coverage", 0, 1, per_factor="factors"),
        ),
        _z_diff,
        tracked=True,
        slow=True,
    ),
    Metric(
        "z_min_variance",
        z_min_variance,
        (Output("z_min_variance", "Z-min variance", 0, 1),),
        _z_min_variance,
        slow=True,
    ),
    Metric(
        "dci",
        dci,
        (
            Output("dci_disentanglement", "DCI disentanglement (lines)", 0, 1),
            Output(
                "dci_completeness",
                "DCI completeness (lines)",
                0,
                1,
                part="completeness",
                per_factor="factor_completeness",
            ),
            Output(
                "dci_informativeness",
                "DCI informativeness (LDA)",
                0,
                1,
                part="informativeness",
                per_factor="factor_informativeness",
            ),
        ),
        _dci,
        tracked=True,
    ),
    Metric(
        "mig",
        mig,
        (Output("mig", "MIG", 0, 1, per_factor="gaps"),),
        _from_information(mig_from),
        tracked=True,
    ),
    Metric(
        "mig_sup",
        mig_sup,
        (Output("mig_sup", "MIG-sup", 0, 1),),
        _from_information(mig_sup_from),
    ),
    Metric(
        "dcimig",
        dcimig,
        (Output("dcimig", "DCIMIG", 0, 1),),
        _from_information(dcimig_from),
    ),
    Metric(
        "modularity",
        modularity,
        (Output("modularity", "Modularity", 0, 1),),
        _from_information(modularity_from),
    ),
    Metric("sap", sap, (Output("sap", "SAP", 0, 1, per_factor="gaps"),), _sap),
    Metric(
        "explicitness",
        explicitness,
        (Output("explicitness", "Explicitness", -1, 1, per_factor="factors"),),
        _explicitness,
        tracked=True,
    ),
    Metric("irs", irs, (Output("irs", "IRS", -1, 1),), _irs),
)


def _linear_factorisation(shared: SharedInput) -> list[Score]:
    codes, factors = shared.data.codes, shared.data.factors
    fit = fit_additive(codes, factors)
    r2 = r_squared(fit)
    return [
        r2,
        Score(r2.parts.get("adjusted", np.nan), note=r2.note),
        held_out_r_squared(codes, factors, rng=shared.rng),
        orthogonality(fit),
    ]


# Beside those of disentanglement in the table of all metrics; `cood.evaluation` writes others too.
GEOMETRY = (
    Metric(
        "soft_rank",
        numerical_rank,
        (Output("soft_rank", "Soft rank", 0, 1, has_chance=False),),
        lambda shared: numerical_rank(shared.data.codes, relative=True),
    ),
    Metric(
        "linear_factorisation",
        r_squared,
        (
            Output("r2", "R²", 0, 1),
            Output("r2_adjusted", "R², adjusted", -math.inf, 1),
            Output("r2_held_out", "R², held out", -math.inf, 1),
            Output("orthogonality", "Orthogonality", 0, 1),
        ),
        _linear_factorisation,
    ),
)

BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in (*REGISTRY, *GEOMETRY)}
OUTPUTS: Mapping[str, Output] = {o.name: o for metric in BY_NAME.values() for o in metric.outputs}
# Of the metrics of disentanglement: the names of the scores of each, and all scores.
METRICS: Mapping[str, tuple[str, ...]] = {
    metric.name: tuple(output.name for output in metric.outputs) for metric in REGISTRY
}
SCORES = tuple(score for scores in METRICS.values() for score in scores)
RANGES = {name: (output.low, output.high) for name, output in OUTPUTS.items()}
TRACKED = tuple(metric.name for metric in REGISTRY if metric.tracked)
SLOW = tuple(metric.name for metric in REGISTRY if metric.slow)


def metric_label(name: str) -> str:
    """A score as pages call it: the label of a metric, or for others the name in words.

    Examples
    --------
    >>> metric_label("dcimig"), metric_label("effective_rank")
    ('DCIMIG', 'effective rank')
    """
    return OUTPUTS[name].label if name in OUTPUTS else name.replace("_", " ")
