"""What a study takes: jobs, downloads, disk and hours, from the study file alone."""

from __future__ import annotations

from collections.abc import Iterator
from math import nan
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from cood.catalogue.sources import LOCAL
from cood.files import damage, left_out
from cood.models.hub import checkpoint_cached, repository_cached
from cood.pipeline import cost_model as rough
from cood.settings import (
    Checkpoint,
    Corpus,
    DiffusionSet,
    FolderSet,
    IconSet,
    PublishedImageEncoder,
    ReleaseSet,
)
from cood.settings.study_file import Study
from cood.synthesis.generation.shards import shard_names

GB, HOUR = 1e9, 3600.0
COSTS = ["download_gb", "disk_gb", "gpu_hours", "cpu_hours"]


class Job(NamedTuple):
    """A job of the pipeline: `units` of work, bytes and seconds that it costs, NaN if unknown."""

    stage: str
    output: Path
    unit: str
    units: float
    download: float = 0.0
    disk: float = 0.0
    gpu: float = 0.0
    cpu: float = 0.0


def plan(study: Study) -> pd.DataFrame:
    """Jobs of each stage and what they cost, roughly; see `cood.pipeline.cost_model`.

    Returns
    -------
    DataFrame
        A row a stage, in the order of the pipeline, then `total` and what is `left`: `stage`,
        `jobs`, `done` (whose files exist and are whole), `units` and `unit` of work,
        `download_gb` (without what is kept of the hub), `disk_gb`, `gpu_hours` and `cpu_hours` of
        one core, of all jobs whether done or not. `unknown` names the costs that some job adds
        an unknown amount to. A published checkpoint counts as GPU work, a small CLIP as CPU work.
    """
    jobs = pd.DataFrame(_jobs(study))
    jobs["cpu"] += rough.JOB
    jobs["done"] = [_done(path) for path in jobs["output"]]
    jobs = jobs.rename(columns=dict(zip(["download", "disk", "gpu", "cpu"], COSTS, strict=True)))
    jobs[COSTS] /= [GB, GB, HOUR, HOUR]
    stages = [_sum(str(stage), part) for stage, part in jobs.groupby("stage", sort=False)]
    every = [_sum("total", jobs), _sum("left", jobs[~jobs["done"]])]
    for row in every:
        row |= {"units": row["jobs"], "unit": "jobs"}  # images and models do not add up
    return pd.DataFrame([*stages, *every])


def _done(path: Path) -> bool:
    return path.is_file() and not damage(path) and not left_out(path)


def _sum(stage: str, jobs: pd.DataFrame) -> dict[str, object]:
    return {
        "stage": stage,
        "jobs": len(jobs),
        "done": int(jobs["done"].sum()),
        "units": int(jobs["units"].sum()),
        "unit": jobs["unit"].iloc[0] if len(jobs) else "jobs",
        **jobs[COSTS].sum(),
        "unknown": " ".join(c for c in ("units", *COSTS) if jobs[c].isna().any()),
    }


def _jobs(study: Study) -> Iterator[Job]:
    yield from _images(study)
    yield from _factors(study)
    yield from _models(study)
    yield from _towers(study)
    paths = study.paths
    yield Job("collect", paths.scores, "models", len(study.models))
    for name in study.notebooks:
        file = paths.notebook(name)
        yield Job("notebooks", file, "notebooks", 1, disk=rough.NOTEBOOK_FILE)
    yield Job("book", paths.html, "pages", len(study.notebooks))


def images_of(study: Study, name: str) -> tuple[float, float]:
    """How many images a set has of compositions and of words alone, NaN if it is brought."""
    settings, words = study.set(name), study.words
    if not isinstance(settings, IconSet | DiffusionSet):
        return nan, 0
    alone = settings.isolated_images * (len(words.attributes) + len(words.objects))
    return words.size * settings.images_per_composition, alone


def _images(study: Study) -> Iterator[Job]:
    paths = study.paths
    for name in study.id_sets:  # linked, and counted once they are listed
        yield Job("take", paths.manifest(name), "sets", 1, cpu=nan)
    for name, settings in study.sets.items():
        images = sum(images_of(study, name))
        if isinstance(settings, DiffusionSet):
            yield from _shards(study, name, settings)
            yield Job("join", paths.manifest(name), "sets", 1)
        elif isinstance(settings, IconSet):
            pixels = images * settings.size**2
            yield Job(
                *("draw", paths.manifest(name), "images", images),
                disk=pixels * rough.DRAWN_PIXEL,
                cpu=pixels * rough.DRAW_PIXEL,
            )
        else:
            yield _brought(study, name, settings)
    yield from _verification(study)


def _verification(study: Study) -> Iterator[Job]:
    asked, paths = study.verification, study.paths
    if asked is None:
        return
    kept = repository_cached(asked.model, asked.revision) or asked.model.startswith(LOCAL)
    weights = 0.0 if kept else nan  # its size is not known here
    for name in asked.sets:
        images = images_of(study, name)[0] / asked.shards
        for shard in range(asked.shards):
            yield Job(
                *("ask", paths.answers(name, shard), "images", images),
                download=weights if shard == 0 else 0.0,
                gpu=images * rough.ASK_IMAGE,
                cpu=rough.TORCH,
            )
        yield Job("verify", paths.verified(name), "sets", 1)


def _shards(study: Study, name: str, settings: DiffusionSet) -> Iterator[Job]:
    words, kept = study.words, repository_cached(settings.model, settings.revision)
    weights = 0.0 if kept else rough.size_of_generator(settings)
    for shard in shard_names(study, name):
        alone = shard.startswith("isolated-")
        before = int(shard.removeprefix("isolated-")) * settings.shard
        every = len(words.attributes) + len(words.objects) if alone else words.size
        each = settings.isolated_images if alone else settings.images_per_composition
        images = min(settings.shard, every - before) * each  # the last shard is shorter
        yield Job(
            *("generate", study.paths.shard(name, shard), "images", images),
            download=weights if shard == "0" else 0.0,
            disk=images * rough.GENERATED_PIXEL * settings.size**2,
            gpu=images * rough.seconds_to_generate(settings),
            cpu=rough.TORCH,
        )


def _brought(study: Study, name: str, settings: FolderSet | ReleaseSet) -> Job:
    url = getattr(settings, "url", None)
    disk = nan if isinstance(settings, ReleaseSet) else 0.0  # a folder's images are linked
    download = nan if url else 0.0
    return Job("take", study.paths.manifest(name), "sets", 1, download, disk, cpu=nan)


def _factors(study: Study) -> Iterator[Job]:
    paths, numbers = study.paths, study.factor_sets
    for name, set_ in numbers.items():
        pixels = set_.images * set_.size**2
        yield Job(
            *("draw factors", paths.manifest(name), "images", set_.images),
            disk=pixels * rough.DRAWN_PIXEL,
            cpu=pixels * rough.DRAW_PIXEL,
        )
    for name, model in study.factor_models.items():
        yield Job(
            *("train factors", paths.model(name) / "open_clip_model.safetensors", "models", 1),
            disk=rough.TRAINED_MODEL,
            cpu=rough.TORCH + rough.seconds_to_train(model, numbers[model.set].size),
        )
    for name in [*study.models, *study.factor_models] if numbers else []:
        sets = study.factor_sets_of(name)
        images = sum(numbers[set_].images for set_ in sets)
        pixels = images * numbers[sets[0]].size ** 2
        file = paths.embeddings(name, sets[-1])
        yield _embedding("embed factors", file, study.models.get(name), images, 0, pixels)
        yield Job("score factors", paths.model_factor_scores(name), "models", 1)
    if numbers:
        yield Job("collect factors", paths.factor_scores, "models", len(study.models))


def _models(study: Study) -> Iterator[Job]:
    paths, words, sets = study.paths, study.words, list(study.sets)
    texts = words.size + len(words.attributes) + len(words.objects)
    for name, recipe in study.trained.items():
        yield Job(
            *("train", paths.model(name) / "open_clip_model.safetensors", "models", 1),
            disk=rough.TRAINED_MODEL,
            cpu=rough.TORCH + rough.seconds_to_train(recipe, study.drawings().size),
        )
    for name, corpus in study.corpora.items():
        captions = _captions(study, corpus)
        file = paths.caption_hits(name)
        yield Job("scan", file, "captions", captions, cpu=captions * rough.CAPTION)
    usual = study.evaluation.templates
    more = {t for other in study.ablations.values() for t in other if t not in usual}
    prompts = texts * len(usual) + words.size * len(more)
    stored = texts + words.size * len(study.ablations)
    for name, model in study.embedded.items():
        for set_ in sets:
            images = sum(images_of(study, set_))
            pixels = images * getattr(study.set(set_), "size", 512) ** 2
            job = _embedding("embed", paths.embeddings(name, set_), model, images, prompts, pixels)
            disk = (images + stored) * rough.width_of(model) * rough.FLOAT
            weights = 0.0
            if isinstance(model, Checkpoint) and set_ == sets[0]:
                kept = checkpoint_cached(model.checkpoint)
                weights = 0.0 if kept else rough.size_of_weights(model)
            yield job._replace(download=weights, disk=disk)
        for set_ in study.id_sets:
            yield _embedding("embed", paths.embeddings(name, set_), model, nan, 0, nan)
    if study.near_duplicates:  # how many references there are is known once they are read
        cpu = rough.TORCH + (nan if study.near_duplicates.references else 0)
        yield Job("neighbours", paths.near_duplicates, "sets", len(sets), cpu=cpu)
    images = sum(images_of(study, set_)[0] for set_ in sets)
    for stage, written, models in (
        ("score", paths.model_accuracy, study.embedded),
        ("probe", paths.model_dimension_swap, study.models),
        ("metric", paths.model_representation_metrics, study.embedded),
    ):
        for name, model in models.items():
            width = rough.width_of(model)
            # Every image, or every query, against every other thing, or a pass over all numbers.
            seconds = {
                "score": 2 * images * stored * width / rough.CORE_FLOPS,
                "probe": 2 * study.dimension_swap.samples * images * width / rough.CORE_FLOPS,
                "metric": images
                * width
                * rough.MEASURE_NUMBER
                * len(study.representation_metrics.splits),
            }[stage]
            yield Job(stage, written(name), "models", 1, cpu=seconds)
    if study.interventions:
        tried = min(images, study.interventions.samples) * study.interventions.rankings
        for name, model in study.models.items():
            seconds = 2 * tried * texts * rough.width_of(model) / rough.CORE_FLOPS
            yield Job("edit", paths.model_interventions(name), "models", 1, cpu=seconds)
    for name in study.trained:
        yield Job("track", paths.model_training_dynamics(name), "models", 1)
    yield Job("baselines", paths.model_accuracy("baselines"), "sets", len(sets))


def _towers(study: Study) -> Iterator[Job]:
    paths, words, trained = study.paths, study.words, study.trained_image_encoders
    for name in study.own_image_encoders:
        cpu = rough.TORCH
        if name in trained:
            cpu += rough.seconds_to_train(trained[name], study.drawings().size)
        yield Job("train towers", paths.model(name) / "model.safetensors", "models", 1, cpu=cpu)
    for name, tower in study.image_encoders.items():
        for set_ in study.sets:
            images = images_of(study, set_)[0]
            pixels = images * getattr(study.set(set_), "size", 512) ** 2
            file = paths.embeddings(name, set_)
            job = _embedding("embed towers", file, tower, images, 0, pixels)
            weights = 0.0
            if isinstance(tower, PublishedImageEncoder) and set_ == next(iter(study.sets)):
                weights = rough.size_of_weights(tower)
            disk = images * rough.width_of(tower) * rough.FLOAT
            yield job._replace(download=weights, disk=disk)
        for set_ in study.id_sets:
            file = paths.embeddings(name, set_)
            yield _embedding("embed towers", file, tower, nan, 0, nan)
    images = sum(images_of(study, set_)[0] for set_ in study.sets)
    for name in study.probed:
        width = rough.width_of(study.models.get(name) or study.image_encoders[name])
        cpu = rough.seconds_to_probe(images, width, len(words.attributes), len(words.objects))
        if name in study.models:  # which answers the same images by its texts
            cpu += rough.AGAIN * 2 * images * words.size * width / rough.CORE_FLOPS
        yield Job("linear", paths.model_linear_probe(name), "models", 1, cpu=cpu)


def _embedding(
    stage: str,
    output: Path,
    model: Any,
    images: float,
    texts: float,
    pixels: float,
) -> Job:
    gpu, cpu = 0.0, rough.TORCH + pixels * rough.READ_PIXEL
    known = rough.facts_of(model)
    if known is not None:
        # The next images are read meanwhile; the GPU waits if that takes longer.
        read = pixels * rough.READ_PIXEL / rough.READERS
        gpu = np.maximum(rough.seconds_of_forward(known, images, texts), read)
    return Job(stage, output, "images", images, gpu=gpu, cpu=cpu)


def _captions(study: Study, corpus: Corpus) -> float:
    """How many captions a corpus has, roughly; NaN if a file of it is not on this machine."""
    if corpus.files is None:
        return study.trained[str(corpus.model)].images
    from cood.curation.caption_search.caption_files import find_files, size_of

    sizes = [size_of(file)[0] for file in find_files(corpus.files, study.paths.root)]
    return round(sum(sizes) / rough.CAPTION_BYTES) if all(sizes) else nan


def as_text(table: pd.DataFrame, study: str) -> str:
    """A plan as lines for people, with what it rests on."""
    lines = [
        f"Study {study}. Estimates, right within a factor of two or three: cood/pipeline/cost_model.py",
        f"{'stage':16}{'done':>6} of {'jobs':<6}{'work':>20}"
        f"{'download':>11}{'disk':>11}{'GPU hours':>11}{'CPU hours':>11}",
    ]
    for row in table.to_dict("records"):
        unknown = row["unknown"].split()
        costs = [_cost(row[column], column, column in unknown) for column in COSTS]
        unit = row["unit"].removesuffix("s") if row["units"] == 1 else row["unit"]
        work = f"{row['units']:,} {unit}" + (" + ?" if "units" in unknown else "")
        lines.append(
            f"{row['stage']:16}{row['done']:>6} of {row['jobs']:<6}{work:>20}"
            + "".join(f"{cost:>11}" for cost in costs)
        )
    if table["unknown"].any():
        lines.append("+ ?: and what is not known before it runs, or for a checkpoint not listed")
    return "\n".join(lines)


def _cost(value: float, column: str, unknown: bool) -> str:
    if value < 0.01:
        return "?" if unknown else "-"
    text = f"{value:,.{0 if value >= 100 else 1 if value >= 1 else 2}f}"
    return text + (" GB" if column.endswith("gb") else "") + (" + ?" if unknown else "")
