"""A whole study on disk, drawn from known effects: what the analysis reads, without any model.

Its design, vocabulary and draws of compositions are those of `mini` or of `lab`, its file is read
by the same code, and its tables follow the same schemas. Only the numbers are made up.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from scipy.special import expit

from cood.analysis.topics.design import DOUBLED
from cood.evaluation.collect import TRAINED_HERE, scored_settings
from cood.evaluation.common.score_table import (
    ANSWERS,
    JOINED_SCORES,
    TRAINING_DYNAMICS,
    complete,
    write_scores,
)
from cood.files import write_table
from cood.metrics.rank import DEFINITIONS
from cood.settings import NO_TREATMENT
from cood.settings.study_file import Study, load_study
from cood.splits import core, seen
from tests.conftest import REPOSITORY

Draws = Mapping[str, np.ndarray]  # compositions that each model has seen
Key = tuple[str, str]  # space and name of a metric
NAME, SET = "simulated", "ao"
LEFT_OUT = ("image_encoders", "factor_sets", "factor_design", "corpora", "near_duplicates")
LINEAR = ("skew", "wrong_captions", "pair_captions")
IMAGES = 8  # of each composition
# Of seen and unseen compositions: mean log odds, and standard deviation of what no effect explains.
ID_LEVEL, COOD_LEVEL, ID_SPREAD, COOD_SPREAD = 1.0, -0.5, 0.8, 0.6
GUESSING = -6.0  # log odds of a model with random weights
CAPTIONS = 300  # of each model, all of which name the pair
# Mean and standard deviation over models of each metric, its value by chance, and in models with
# random weights.
METRICS: dict[str, tuple[float, float, float, float]] = {
    "z_diff": (1.0, 0.0, 0.51, 0.998),
    "z_diff_single": (0.85, 0.04, 0.505, 0.70),
    "explicitness": (0.60, 0.10, 0.014, 0.30),
    "dci_disentanglement": (0.35, 0.04, 0.24, 0.25),
    "dci_completeness": (0.20, 0.03, 0.085, 0.10),
    "dci_informativeness": (0.50, 0.10, 0.054, 0.25),
    "dcimig": (0.030, 0.006, 0.004, 0.008),
    "mig": (0.010, 0.002, 0.0006, 0.003),
    "sap": (0.020, 0.004, 0.004, 0.008),
    "modularity": (0.70, 0.04, 0.31, 0.40),
    "r2": (0.45, 0.07, 0.012, 0.25),
    "orthogonality": (0.15, 0.03, 0.20, 0.22),
    "numerical_rank_0.1": (0.40, 0.06, np.nan, 0.20),
    "stable_rank": (0.20, 0.03, np.nan, 0.05),
}
CODES = {"image": "images", "text": "compositions"}
OVER_TRAINING = ("z_diff", "z_diff_single")
RISES = {"image": 1.0, "text": 0.5}  # how much of the whole way a space goes in training
# Metrics of a kind of their own, with mean and standard deviation; all of images.
DERIVED = {
    "retrieval_gain": (0.05, 0.04),
    "shared_dimensions": (2.0, 1.0),
    "swapped_pair": (0.15, 0.06),
}
# Other forms of a metric, which agree with the plain one but for noise.
FORMS: dict[str, dict[str, Any]] = {
    "": {},
    "rotated": {"null": "rotated"},
    "principal components": {"projection": "pca", "width": 32},
    "isolated": {"basis": "concepts"},
}


@dataclass(frozen=True)
class Effects:
    """What is planted; by default nothing, so that every null hypothesis is true.

    Attributes
    ----------
    id, cood
        By name of a design column, how much its standard deviation adds to the log odds on seen
        (y0) and on unseen compositions (y1); the gap (y2) is their difference. The name of a
        treatment: how much it adds to the log odds, of which its placebo adds nothing.
    link
        How much of what no effect explains in y0 is in y1 too.
    metrics
        By space and name of a metric of `METRICS` or `DERIVED`, its correlation over models with
        the true y1, and with the true y2.
    reliability
        By space and name, the intraclass correlation of a metric over repetitions.
    """

    id: Mapping[str, float] = field(default_factory=dict)
    cood: Mapping[str, float] = field(default_factory=dict)
    link: float = 0.0
    metrics: Mapping[Key, tuple[float, float]] = field(default_factory=dict)
    reliability: Mapping[Key, float] = field(default_factory=dict)


NOTHING = Effects()
RELIABILITY = 0.9  # of a metric that `Effects.reliability` does not name


def simulated_study(
    root: Path,
    *,
    models: int = 24,
    seed: int = 0,
    effects: Effects = NOTHING,
    arms: str = "mini",
    replicates: int = 0,
) -> Study:
    """Make the study `simulated` in a project folder, which must be the current folder.

    `arms` names the study whose design and world it has: `mini`, or `lab` with four arms of the
    treatment, of which no fewer than 32 models can be drawn. Returns it, for `load_results`.
    """
    study = simulated_settings(root, models, arms, replicates)
    truth = simulated_truth(study, seed, effects)
    rng = np.random.default_rng((seed, 1))
    draws = {name: seen(study, model) for name, model in study.trained.items()}
    tables = [_answers(study, truth, draws, rng), *_scores(study, truth, effects, rng)]
    scores = complete(pd.concat(tables, ignore_index=True), JOINED_SCORES, set=SET, category="all")
    paths = study.paths
    write_scores(scores, paths.scores, JOINED_SCORES)
    write_table(
        pd.DataFrame([_facts(study, name, len(ids)) for name, ids in draws.items()]), paths.models
    )
    write_table(_design(study, draws, rng), paths.design)
    paths.settings.write_text(scored_settings(study))
    _write_training(study, draws, rng)
    return study


def simulated_settings(root: Path, models: int, arms: str, replicates: int) -> Study:
    """Write the study file, and the points of its design that are kept beside `arms`."""
    studies = root / "workflow" / "studies"
    studies.mkdir(parents=True, exist_ok=True)
    (root / "notebooks").mkdir(exist_ok=True)
    shutil.copy(REPOSITORY / "workflow" / "Snakefile", root / "workflow")
    source = REPOSITORY / "workflow" / "studies" / f"{arms}.yaml"
    settings = yaml.safe_load(source.read_text())
    settings = {name: value for name, value in settings.items() if name not in LEFT_OUT}
    settings["design"] |= {"models": models, "replicates": replicates}
    settings["notebooks"] = {}
    (studies / f"{NAME}.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    shutil.copy(source.with_suffix(".design.csv"), studies / f"{NAME}.design.csv")
    return load_study(NAME)


def simulated_truth(study: Study, seed: int, effects: Effects) -> pd.DataFrame:
    """The true `id`, `cood` and `gap` of each model, indexed by name; a repetition has the same."""
    names = study.design.names()
    points = pd.DataFrame([study.models[name].model_dump() for name in names], index=names)
    columns = {}
    for name in (*DOUBLED, *LINEAR):
        values = np.log2(points[name]) if name in DOUBLED else points[name]
        if np.ptp(values) > 0:
            columns[name] = (values - values.mean()) / values.std()
    arms = set(points["treatment"]) - {NO_TREATMENT}
    columns |= {arm: (points["treatment"] == arm).astype(float) for arm in arms}
    planted = {
        kind: sum((size * columns[name] for name, size in getattr(effects, kind).items()), 0.0)
        for kind in ("id", "cood")
    }
    first, second = np.random.default_rng((seed, 0)).normal(size=(2, len(names)))
    unexplained = ID_SPREAD * first
    id_ = ID_LEVEL + planted["id"] + unexplained
    cood = COOD_LEVEL + planted["cood"] + effects.link * unexplained + COOD_SPREAD * second
    truth = pd.DataFrame({"id": id_, "cood": cood}, index=names).assign(gap=cood - id_)
    again = {name: study.replicate_of(name) or name for name in study.models}
    return truth.loc[list(again.values())].set_axis(list(again))


def _answers(
    study: Study, truth: pd.DataFrame, draws: Draws, rng: np.random.Generator
) -> pd.DataFrame:
    """Write the answers of all models; returns their accuracies as scores."""
    size, held_out = study.words.size, core(study)
    ids = np.repeat(np.arange(size), IMAGES)
    number = np.tile(np.arange(IMAGES), size)
    images = [f"{i}/{j}.png" for i, j in zip(ids, number, strict=True)]
    common = {"set": SET, "image": images, "composition": ids, "core": np.isin(ids, held_out)}
    blank = {"seen": False, "pair": 0, "attribute": 0, "object": 0}
    base = complete(pd.DataFrame(common | blank), ANSWERS)
    hard = rng.normal(size=size)
    objects, rows = len(study.words.objects), []
    for name in study.embedded:
        known = np.isin(ids, draws.get(name, []))
        level = np.where(known, *truth.loc[name, ["id", "cood"]]) if name in draws else GUESSING
        right = rng.random(len(ids)) < expit(level + hard[ids])
        half = rng.integers(3, size=len(ids))  # of a wrong answer: attribute, object or neither
        attribute, object_ = study.words.attribute_of(ids), study.words.object_of(ids)
        wrong_object = (object_ + rng.integers(1, objects, len(ids))) % objects
        wrong = (attribute + 1 + rng.integers(5, size=len(ids))) % len(study.words.attributes)
        answered = {
            "attribute": np.where(right | (half == 0), attribute, wrong),
            "object": np.where(right | (half == 1), object_, wrong_object),
        }
        pair = answered["attribute"] * objects + answered["object"]
        table = base.assign(seen=known, pair=pair.astype(np.int32))
        alone = {part: values.astype(np.int32) for part, values in answered.items()}
        write_table(table.assign(**alone), study.paths.model_answers(name))
        hits = {"pair": right, "attribute": alone["attribute"] == attribute}
        hits["object"] = alone["object"] == object_
        splits = {"seen": known, "unseen": ~known, "core": common["core"]}
        rows += _accuracies(study, name, hits, splits, rng)
    return pd.DataFrame(rows).assign(space="image", method="zero_shot")


def _accuracies(
    study: Study,
    model: str,
    hits: Mapping[str, np.ndarray],
    splits: Mapping[str, np.ndarray],
    rng: np.random.Generator,
) -> list[dict[str, Any]]:
    words = study.words
    sizes = {"pair": words.size, "attribute": len(words.attributes), "object": len(words.objects)}
    metrics = {f"{part}_top1": part for part in sizes}
    metrics |= {"attribute_alone_top1": "attribute", "object_alone_top1": "object"}
    rows = []
    for split, members in splits.items():
        n = int(members.sum())
        for metric, part in metrics.items() if n else ():
            value = float(hits[part][members].mean())
            margin = 1.96 * np.sqrt(value * (1 - value) / n)
            row = {"model": model, "split": split, "metric": metric, "labels": "all"}
            row |= {"low": max(0.0, value - margin), "high": min(1.0, value + margin)}
            rows.append(row | {"value": value, "chance": 1 / sizes[part], "n": n})
    for metric in ("pair_top1", "attribute_top1", "object_top1"):
        unseen = next(r for r in rows if r["split"] == "unseen" and r["metric"] == metric)
        others = [{"labels": "own"}, *({"templates": name} for name in study.ablations)]
        noise = rng.normal(0, 0.02, len(others))
        for other, error in zip(others, noise, strict=True):
            value = float(np.clip(unseen["value"] + error, 0, 1))
            rows.append(unseen | other | {"value": value, "low": np.nan, "high": np.nan})
    return rows


def _scores(
    study: Study, truth: pd.DataFrame, effects: Effects, rng: np.random.Generator
) -> list[pd.DataFrame]:
    """Metrics of the embeddings, composed retrieval and dimension swaps of all models."""
    unknown = set(effects.metrics) - {(s, m) for s in CODES for m in METRICS}
    if unknown - {("image", m) for m in DERIVED}:
        raise KeyError(f"no metrics to plant an effect in: {sorted(unknown)}")
    tables = []
    for space, codes in CODES.items():
        for metric, (mean, spread, chance, untrained) in METRICS.items():
            of_rank = metric in DEFINITIONS
            plain = {"space": space, "metric": metric, "codes": codes, "split": "all"}
            plain |= {"chance": chance, "n": study.words.size * (IMAGES if space == "image" else 1)}
            if of_rank:
                plain |= {"centred": True, "unit_rows": True, "relative": True}
            elif metric in ("r2", "orthogonality"):
                plain |= {"unit_rows": True}
            latent = _latent(study, truth, effects, (space, metric), rng)
            forms = FORMS | ({"raw": {"centred": False}} if of_rank else {})
            for form, columns in forms.items():
                noise = rng.normal(0, 0.5 if form else 0.0, len(latent))
                values = np.clip(mean + spread * (latent + noise), 0, 1)
                values = values.reindex(list(study.embedded)).fillna(untrained)
                tables.append(_rows(values, plain | columns))
    return [*tables, *_derived(study, truth, effects, rng)]


def _derived(
    study: Study, truth: pd.DataFrame, effects: Effects, rng: np.random.Generator
) -> list[pd.DataFrame]:
    made = {
        name: mean + spread * _latent(study, truth, effects, ("image", name), rng)
        for name, (mean, spread) in DERIVED.items()
    }
    gain, n = made["retrieval_gain"], len(truth)
    text = pd.Series(rng.normal(0.30, 0.03, n), truth.index)
    tables = []
    for split in ("seen", "unseen"):
        where = {"split": split, "weight": 1.0, "centred": False, "chance": 0.003, "n": 2500}
        for top, factor in (("top1", 1.0), ("top5", 1.5)):
            queries = {"text": text, "image": text / 3, "swap": text + gain, "add": text + gain / 2}
            for query, values in queries.items():
                row = where | {"metric": f"retrieval_{top}", "query": query}
                tables.append(_rows((factor * values).clip(0, 1), row))
    chance = pd.Series(rng.normal(6.0, 0.5, n), truth.index)
    intact = pd.Series(rng.normal(0.5, 0.1, n), truth.index).clip(0.2, 1)
    where = {"split": "all", "disjoint": "images"}
    way = where | {"basis": "axes"}
    tables.append(_rows(intact, where | {"metric": "intact_pair", "method": "zero_shot"}))
    for rule in ("forward", "share"):
        for control, excess in ((True, 0.0), (False, 1.0)):
            row = way | {"rule": rule, "control": control, "n": 64}
            shared = chance + excess * made["shared_dimensions"]
            tables.append(_rows(shared, row | {"metric": "shared_dimensions"}))
            swapped = intact * (0.2 + excess * made["swapped_pair"])
            for exchange in ("needed", "nearer"):
                swap = {"metric": "swapped_pair", "method": "zero_shot", "exchange": exchange}
                tables.append(_rows(swapped.clip(0, 1), row | swap))
    return tables


def _latent(
    study: Study, truth: pd.DataFrame, effects: Effects, key: Key, rng: np.random.Generator
) -> pd.Series:
    """A standard normal number by model, with the planted correlations and reliability."""
    once = truth.loc[study.design.names()]
    y = (once[["cood", "gap"]] - once[["cood", "gap"]].mean()) / once[["cood", "gap"]].std()
    reliability = effects.reliability.get(key, RELIABILITY)
    asked = np.array(effects.metrics.get(key, (0.0, 0.0))) / np.sqrt(reliability)
    between = np.corrcoef(y.T)
    slopes = np.linalg.solve(between, asked)
    rest = 1 - slopes @ asked
    if rest < 0:
        raise ValueError(
            f"{key} cannot have the correlations {effects.metrics[key]} with y1 and y2, which "
            f"correlate at {between[0, 1]:.2f}"
        )
    stable = np.sqrt(reliability) * (y @ slopes + np.sqrt(rest) * rng.normal(size=len(y)))
    noise = np.sqrt(1 - reliability) * rng.normal(size=len(truth))
    origins = [study.replicate_of(name) or name for name in truth.index]
    return stable.loc[origins].set_axis(truth.index) + noise


def _rows(values: pd.Series, columns: Mapping[str, Any]) -> pd.DataFrame:
    rows = {"model": values.index, "value": values.to_numpy(float), "space": "image", "n": 1000}
    return pd.DataFrame(rows | dict(columns))


def _facts(study: Study, name: str, compositions: int) -> dict[str, Any]:
    """A row of `models.parquet`, as `cood.evaluation.collect` writes it."""
    model = study.models[name]
    return {
        "model": name,
        "missing": "",
        "parameters": 3.5e6,
        "width": np.nan,
        "resolution": 32.0,
        "kind": TRAINED_HERE,
        "family": model.family,
        "architecture": model.towers.architecture,
        "replicate_of": study.replicate_of(name),
        **model.model_dump(exclude={"moments"}),
        "compositions": compositions,
        "samples_seen": model.steps * model.batch,
    }


def _design(study: Study, draws: Draws, rng: np.random.Generator) -> pd.DataFrame:
    """The table of the design, as `cood.evaluation.design_table` writes it."""
    factors = [factor.name for factor in study.design.factors.as_factors()]
    outside = study.words.size - len(core(study))
    rows = []
    for name, model in study.trained.items():
        compositions = len(draws[name])
        near = {
            "share": compositions / outside,
            "images": model.images,
            "steps": model.steps,
            "skew": model.skew * rng.uniform(0.8, 1),
            "wrong_captions": model.wrong_captions * rng.uniform(0.9, 1),
            "pair_captions": model.pair_captions * rng.uniform(0.98, 1.02),
        }
        row = {"model": name, "replicate_of": study.replicate_of(name)}
        row |= {factor: getattr(model, factor) for factor in factors}
        row |= {f"{factor}_realised": near[factor] for factor in factors if factor in near}
        loss = rng.uniform(1.0, 2.0)
        rows.append(row | {"compositions": compositions, "loss": loss, "diverged": False})
    return pd.DataFrame(rows)


def _write_training(study: Study, draws: Draws, rng: np.random.Generator) -> None:
    """Write the captions of each model, and its Z-diff over training."""
    progress, rows = np.array([0.0, 0.1, 0.3, 1.0]), []
    for name, model in study.trained.items():
        often = np.arange(1, len(draws[name]) + 1) ** -float(model.skew)
        shown = rng.choice(draws[name], CAPTIONS, p=often / often.sum())
        captions = {"composition": shown, "captioned": shown, "names": "pair", "wrong": False}
        write_table(pd.DataFrame(captions), study.paths.model(name) / "captions.parquet")
        for metric, (space, rises) in itertools.product(OVER_TRAINING, RISES.items()):
            mean, spread, chance, untrained = METRICS[metric]
            values = untrained + rises * (mean - untrained) * progress**0.3
            values = np.clip(values + rng.normal(0, spread / 2, len(progress)), 0, 1)
            row = {"model": name, "space": space, "metric": metric, "chance": chance}
            points = zip((progress * model.steps).astype(int), values, strict=True)
            rows += [row | {"step": step, "value": value} for step, value in points]
    every = complete(rows, TRAINING_DYNAMICS, split="all", n=study.words.size)
    for name, table in every.groupby("model"):
        write_table(table, study.paths.model_training_dynamics(name))
