"""Claim C11: metrics of disentanglement on scenes with independent factors."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from cood.analysis.claims.claim_tests.disentanglement import certified_metrics, mean_rank
from cood.analysis.claims.effects import Effect, associate, effect_of
from cood.analysis.claims.evidence import Evidence, Untestable
from cood.analysis.claims.statistics import PARTIAL, Statistic
from cood.analysis.results import Results
from cood.analysis.topics.factor_sets import (
    load_factors,
    metrics_of_images,
    names_both_factors,
    unseen_log_odds,
)
from cood.metrics.registry import metric_label

NAME, OUTCOME = "mean rank of image metrics of factor sets", "log odds on unseen combinations"


def with_factors(evidence: Evidence) -> dict[str, Effect]:
    """C11: in models that are trained on a factor set, or in checkpoints that are tested on it."""
    study = evidence.results.study
    if not study.factor_sets:
        raise Untestable("The study has no factor sets.")
    metrics = certified_metrics(evidence, "image")
    results = load_factors(str(study.file))
    if study.factor_models:
        return {"metrics of factor sets": _trained_on_factors(evidence, results, metrics)}
    values = metrics_of_images(results, metrics)
    zoo = values[values.index.get_level_values("model").isin(evidence.models.index)]
    if zoo.empty:
        raise Untestable("The study has no models that are trained or tested on its factor sets.")
    wide = zoo.unstack("set")
    return {"metrics of factor sets": associate(evidence, NAME, mean_rank(wide))}


def _trained_on_factors(evidence: Evidence, results: Results, metrics: list[str]) -> Effect:
    models = results.models[results.models["trained_on"] != ""].set_index("model")
    own = models["trained_on"]
    able = own[[names_both_factors(results, model, set_) for model, set_ in own.items()]]
    values = metrics_of_images(results, metrics)
    here = values.loc[[key for key in able.items() if key in values.index]].droplevel("set")
    if here.empty:
        raise Untestable(
            f"None of the {len(own)} models that are trained on factor sets names both factors "
            "above chance on combinations that it has seen."
        )
    ranks = here.groupby(own.reindex(here.index)).rank(pct=True).mean(axis=1)
    logits = pd.concat([unseen_log_odds(results, set_) for set_ in own.unique()])
    columns = {NAME: ranks, OUTCOME: logits.reindex(here.index)}
    others = sorted(own.unique())[1:]
    sets = {f"set={name}": (own == name).astype(float) for name in others}
    statistic = Statistic(PARTIAL, (NAME,), (OUTCOME,), tuple(sets))
    zoo = replace(evidence, results=replace(evidence.results, models=models.reset_index()))
    effect = effect_of(zoo, statistic, columns | sets, outcome=OUTCOME)
    names = ", ".join(metric_label(name) for name in metrics)
    note = (
        f"{len(able)} of {len(own)} models that are trained on factor sets name both factors above "
        f"chance on combinations that they have seen. Each is tested on the set that it is trained "
        f"on. The mean rank, among the models of a set, is over: {names}."
    )
    return replace(effect, note=note)
