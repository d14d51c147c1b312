"""Mediation: how much of the effect of the share of compositions runs through a metric.

The share of compositions in training is set by the study, so that its effect on accuracy is
causal. A metric is only observed: an indirect effect through it rests on an assumption.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cood.analysis.in_distribution import TRAINED
from cood.analysis.metric_correlations import holm
from cood.analysis.results import Results, pick
from cood.analysis.stats.estimate import Estimate
from cood.metrics import SCORES
from cood.settings.study_file import Study

LEAST = 3  # shares that a line through them needs
LEAST_MODELS = 5
DRAWS = 20_000
ROUNDING = 1e-9  # what is smaller, relative to the whole, is 0 but for rounding
LEVEL = 0.95
PARTS = ("total", "direct", "indirect", "within")
SPACES = ("image", "text")
GEOMETRY = ("numerical_rank_0.1", "r2_adjusted", "orthogonality")


@dataclass(frozen=True)
class Mediated:
    """The effect of a treatment on an outcome, and the part of it that runs through a mediator.

    Attributes
    ----------
    total, direct, indirect
        For one unit of the treatment; total = direct + indirect.
    within
        Slope of the outcome on the mediator among models of the same treatment, for one standard
        deviation of the mediator over all models.
    p
        Of the indirect effect, two-sided.
    n, levels
        Models, and different values of the treatment among them.
    """

    total: Estimate
    direct: Estimate
    indirect: Estimate
    within: Estimate
    p: float
    n: int
    levels: int


NOT_ESTIMABLE = Estimate()


def mediate(treatment: Any, mediator: Any, outcome: Any, *, seed: int) -> Mediated:
    """Indirect effect as a product of coefficients, with an interval for small samples.

    Two lines are fitted: mediator = i + a treatment, and outcome = j + c' treatment + b mediator.
    The indirect effect is a b, the direct one c', the total one a b + c'. Its interval is that of
    the product of draws of a and of b from their t distributions (MacKinnon, Lockwood and
    Williams 2004, https://doi.org/10.1207/s15327906mbr3901_4, who draw from normal ones). With
    effects of half a standard deviation in eleven models it has a coverage of 95 %, and a
    percentile bootstrap of models one of 91 %.

    Parameters
    ----------
    treatment, mediator, outcome
        One number a model [n] each; models that lack one are left out.
    seed
        Of the draws.

    Returns
    -------
    Mediated
        NaN throughout where fewer than `LEAST_MODELS` models or `LEAST` treatments are left, or the
        mediator, given the treatment, does not vary. `within` is NaN unless there are two more
        models than treatments, and the mediator varies among models of the same treatment.

    Notes
    -----
    The total effect is causal if the treatment is set by design. The other two are causal only
    under sequential ignorability (Imai, Keele and Tingley 2010, https://doi.org/10.1037/a0020761):
    nothing else may affect both mediator and outcome.
    """
    import statsmodels.api as sm

    columns = np.array([np.asarray(c, dtype=float) for c in (treatment, mediator, outcome)])
    t, m, y = columns[:, np.isfinite(columns).all(axis=0)]
    n, levels = len(t), len(np.unique(t))
    if n < LEAST_MODELS or levels < LEAST or _flat(m - _fitted(t, m), m):
        return Mediated(
            NOT_ESTIMABLE, NOT_ESTIMABLE, NOT_ESTIMABLE, NOT_ESTIMABLE, np.nan, n, levels
        )
    scale = m.std()
    m = (m - m.mean()) / scale
    first = sm.OLS(m, sm.add_constant(t)).fit()
    second = sm.OLS(y, sm.add_constant(np.column_stack([t, m]))).fit()
    total = sm.OLS(y, sm.add_constant(t)).fit()
    rng = np.random.default_rng(seed)
    a, b = (
        fit.params[k] + fit.bse[k] * rng.standard_t(fit.df_resid, DRAWS)
        for fit, k in ((first, 1), (second, 2))
    )
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(a * b, [tail, 1 - tail])
    rarer = min((a * b <= 0).sum(), (a * b >= 0).sum())
    indirect = Estimate(float(first.params[1] * second.params[2]), float(low), float(high))
    p = min(1.0, 2 * (rarer + 1) / (DRAWS + 1))
    return Mediated(
        _part(total, 1), _part(second, 1), indirect, _within(t, m, y), float(p), n, levels
    )


def graded(study: Study) -> list[str]:
    """Trained models that differ only in share and seed: the group with the most shares.

    Empty if there are fewer than `LEAST` shares.
    """
    groups: dict[str, list[str]] = {}
    for name, settings in study.trained.items():
        same = settings.model_dump(exclude={"share", "seed"})
        groups.setdefault(json.dumps(same, sort_keys=True), []).append(name)
    shares = {key: len({study.trained[m].share for m in group}) for key, group in groups.items()}
    best = max(groups, key=lambda key: shares[key], default=None)
    return groups[best] if best is not None and shares[best] >= LEAST else []


def mediation(results: Results, *, accuracy: str = "pair_top1", split: str = "all") -> pd.DataFrame:
    """The effect of doubling the share of compositions on C-OoD accuracy, through each metric.

    Parameters
    ----------
    results
        The tables of a study.
    accuracy
        Its metric.
    split
        Compositions of whose embeddings the metrics are.

    Returns
    -------
    pandas.DataFrame
        A row a metric and space, and one for ID accuracy, a mediator for comparison: `space`,
        `metric`; the value, `..._low` and `..._high` of each of `PARTS`; `p` and `holm` of the
        indirect effect; `levels_low` and `levels_high`, its interval when seeds are averaged within
        each share, and `levels_total_low` and `levels_total_high` of the total effect; `n`,
        `levels`. Empty if the study has no graded shares.
    """
    names = graded(results.study)
    if not names:
        return pd.DataFrame()
    trained, seed = results.study.trained, results.study.seed
    doublings = np.log2([trained[name].share for name in names])
    outcome = pick(results, split="unseen", metric=accuracy)["value"].reindex(names)
    rows = []
    for (space, metric), values in _mediators(results, accuracy, split).items():
        values = values.reindex(names)
        fine = mediate(doublings, values, outcome, seed=seed)
        means = pd.DataFrame({"t": doublings, "m": values, "y": outcome}).groupby("t").mean()
        coarse = mediate(means.index, means["m"], means["y"], seed=seed)
        row: dict[str, Any] = {"space": space, "metric": metric}
        for name in PARTS:
            part = getattr(fine, name)
            row |= {name: part.value, f"{name}_low": part.low, f"{name}_high": part.high}
        for name, part in (("levels", coarse.indirect), ("levels_total", coarse.total)):
            row |= {f"{name}_low": part.low, f"{name}_high": part.high}
        rows.append(row | {"p": fine.p, "n": fine.n, "levels": fine.levels})
    table = pd.DataFrame(rows)
    return table.assign(holm=holm(table["p"]))


def total_effect(table: pd.DataFrame) -> tuple[Estimate, int]:
    """Total effect of one doubling and its number of models, from what `mediation` returns."""
    estimated = table.dropna(subset=["total"]) if len(table) else table
    if estimated.empty:
        return NOT_ESTIMABLE, 0
    first = estimated.iloc[0]
    return Estimate(first["total"], first["total_low"], first["total_high"]), int(first["n"])


def _mediators(results: Results, accuracy: str, split: str) -> dict[tuple[str, str], pd.Series]:
    scores = results.scores
    available = set(scores["metric"])
    mediators = {}
    for space in SPACES:
        for metric in (*SCORES, *GEOMETRY):
            if metric in available:
                rows = pick(results, split=split, space=space, metric=metric)
                mediators[space, metric] = rows["value"]
    for name in TRAINED:
        mediators[name, accuracy] = pick(results, split=name, metric=accuracy)["value"]
    return mediators


def _within(t: np.ndarray, m: np.ndarray, y: np.ndarray) -> Estimate:
    import statsmodels.api as sm

    levels, at = np.unique(t, return_inverse=True)
    free = len(t) - len(levels) - 1
    each = np.eye(len(levels))[at]
    if free < 1 or _flat(m - (each.T @ m / each.sum(axis=0))[at], m):
        return NOT_ESTIMABLE
    fit = sm.OLS(y, np.column_stack([each, m])).fit()
    return _part(fit, len(levels))


def _part(fit: Any, k: int) -> Estimate:
    low, high = np.asarray(fit.conf_int(1 - LEVEL))[k]
    return Estimate(float(fit.params[k]), float(low), float(high))


def _fitted(t: np.ndarray, m: np.ndarray) -> np.ndarray:
    x = np.column_stack([np.ones_like(t), t])
    return x @ np.linalg.lstsq(x, m, rcond=None)[0]


def _flat(left: np.ndarray, whole: np.ndarray) -> bool:
    smallest = np.finfo(float).tiny
    return bool(np.abs(left).max() <= ROUNDING * max(smallest, np.abs(whole).max()))
