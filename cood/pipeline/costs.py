"""What each job of a study costs, roughly, from the study file and the figures of `cost_model`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np

from cood.catalogue.sources import LOCAL
from cood.device_arrays import LARGE
from cood.metrics.table import PRODUCTS
from cood.models.hub import checkpoint_cached, repository_cached
from cood.pipeline import cost_model, work
from cood.settings import (
    Checkpoint,
    PublishedImageEncoder,
    ReleaseSet,
)
from cood.settings.preprocessing import models_by_preprocessing, preprocessing_of
from cood.settings.study_file import Study
from cood.synthesis.external.source_files import imported_set

DEFAULT_SIZE = 512  # pixels a side of images whose size is not known


@dataclass(frozen=True)
class Cost:
    """Units of work, bytes and seconds of one job; NaN if not known beforehand.

    `temporary` are bytes that the jobs of a stage need one after the other.
    """

    units: float = 1
    unit: str = "models"
    download: float = 0.0
    disk: float = 0.0
    temporary: float = 0.0
    gpu: float = 0.0
    cpu: float = 0.0


def _size(study: Study, set_: str) -> int:
    settings = {**study.sets, **study.id_sets, **study.factor_sets}[set_]
    return int(getattr(settings, "size", DEFAULT_SIZE))


def _drawing(pixels: float, images: float) -> Cost:
    return Cost(
        images,
        "images",
        disk=pixels * cost_model.DRAWN_PIXEL,
        cpu=pixels * cost_model.DRAW_PIXEL,
    )


def _draw(study: Study, set_: str) -> Cost:
    images = sum(work.images_made(study, set_))
    return _drawing(images * study.drawn[set_].size ** 2, images)


def _draw_factor_set(study: Study, set_: str) -> Cost:
    settings = study.factor_sets[set_]
    return _drawing(settings.images * settings.size**2, settings.images)


def _import_images(study: Study, set_: str) -> Cost:
    settings = imported_set(study, set_)
    if isinstance(settings, ReleaseSet):
        return Cost(1, "sets", download=nan if settings.url else 0.0, disk=nan, cpu=nan)
    images, _ = work.in_folder(study, settings)
    # They are linked, after each was decoded.
    return Cost(1, "sets", cpu=images * cost_model.READ_PIXEL * DEFAULT_SIZE**2)


def _generate(study: Study, set_: str, shard: str) -> Cost:
    settings, words = study.generated[set_], study.words
    isolated = shard.startswith("isolated-")
    first = int(shard.removeprefix("isolated-")) * settings.shard
    every = len(words.attributes) + len(words.objects) if isolated else words.size
    each = settings.isolated_images if isolated else settings.images_per_composition
    images = min(settings.shard, every - first) * each  # the last shard is shorter
    kept = repository_cached(settings.model, settings.revision)
    weights = 0.0 if kept else cost_model.size_of_generator(settings)
    return Cost(
        images,
        "images",
        download=weights if shard == "0" else 0.0,
        disk=images * cost_model.GENERATED_PIXEL * settings.size**2,
        gpu=images * cost_model.seconds_to_generate(settings),
        cpu=cost_model.TORCH + images * cost_model.SAVE_PIXEL * settings.size**2,
    )


def _ask_verifier(study: Study, set_: str, shard: str) -> Cost:
    asked = study.verified(set_)
    kept = repository_cached(asked.model, asked.revision) or asked.model.startswith(LOCAL)
    images = work.images_made(study, set_)[0] / asked.shards
    return Cost(
        images,
        "images",
        download=0.0 if kept or shard != "0" else nan,  # the size of its weights is not known
        gpu=images * cost_model.ASK_IMAGE,
        cpu=cost_model.TORCH + images * cost_model.READ_PIXEL * _size(study, set_) ** 2,
    )


def _training(recipe: Any, size: int) -> float:
    return cost_model.TORCH + cost_model.seconds_to_train(recipe, size)


def _train(study: Study, model: str) -> Cost:
    cpu = _training(study.trained[model], study.drawings().size)
    return Cost(disk=cost_model.TRAINED_MODEL, cpu=cpu)


def _train_image_encoder(study: Study, model: str) -> Cost:
    if model not in study.trained_image_encoders:
        return Cost(cpu=cost_model.TORCH)
    return Cost(cpu=_training(study.trained_image_encoders[model], study.drawings().size))


def _train_factor_model(study: Study, model: str) -> Cost:
    recipe = study.factor_models[model]
    cpu = _training(recipe, study.factor_sets[recipe.set].size)
    return Cost(disk=cost_model.TRAINED_MODEL, cpu=cpu)


def _caption_search(study: Study, corpus: str) -> Cost:
    settings = study.corpora[corpus]
    if settings.files is None:
        captions: float = study.trained[str(settings.model)].images
    else:
        from cood.curation.caption_search.caption_files import ENDINGS
        from cood.files import find_files, size_of

        sizes = [size_of(file)[0] for file in find_files(settings.files, study.paths.root, ENDINGS)]
        captions = round(sum(sizes) / cost_model.CAPTION_BYTES) if all(sizes) else nan
    return Cost(captions, "captions", cpu=captions * cost_model.CAPTION)


def _pixels(study: Study, preprocessing: str) -> Cost:
    """Decoding the images of all sets and ID sets for one preprocessing."""
    sets = [*study.sets, *study.id_sets]
    images = sum(work.images_embedded(study, set_) for set_ in sets)
    side = next(p.size for p in models_by_preprocessing(study) if p.name == preprocessing)
    cpu = cost_model.TORCH + _pixels_of(study, sets) * cost_model.READ_PIXEL
    return Cost(images, "images", temporary=images * 3 * side**2, cpu=cpu)


def _pixels_of(study: Study, sets: Iterable[str]) -> float:
    """Pixels of the image files of some sets."""
    return sum(work.images_embedded(study, set_) * _size(study, set_) ** 2 for set_ in sets)


def _embed(study: Study, model: str) -> Cost:
    """Embedding all sets of a model, of which those of its preprocessing are decoded already."""
    sets = study.sets_of(model)
    settings = {**study.embedded, **study.embedded_image_encoders}.get(model)
    clip = model in study.embedded
    count = work.images_embedded if clip or settings is None else work.images_kept
    images = sum(count(study, set_) for set_ in sets)
    width, texts = cost_model.width_of(settings), work.texts_stored(study) if clip else 0
    stored = sum(count(study, set_) + texts for set_ in sets if set_ in study.sets)
    if study.verification:  # their images are kept by content too
        stored += sum(work.images_kept(study, set_) for set_ in study.verification.sets)
    facts = cost_model.facts_of(settings)
    on_gpu_in_half = facts is not None and study.precision != "single"
    number = cost_model.HALF_FLOAT if on_gpu_in_half else cost_model.FLOAT
    weights = 0.0
    if isinstance(settings, Checkpoint | PublishedImageEncoder):
        weights = cost_model.size_of_weights(settings)
    cached = isinstance(settings, Checkpoint) and checkpoint_cached(settings.checkpoint)
    decoded = [*study.sets, *study.id_sets] if preprocessing_of(study, model) else []
    rest = [set_ for set_ in sets if set_ not in decoded]
    return Cost(
        images,
        "images",
        download=0.0 if cached else weights,
        disk=stored * width * number,
        **_forward(
            facts,
            images,
            work.prompts(study, model),
            _pixels_of(study, rest) * cost_model.READ_PIXEL,
            weights,
        ),
    )


def _forward(
    facts: dict[str, Any] | None, images: float, prompts: float, decoding: float, weights: float
) -> dict[str, float]:
    """Seconds of the GPU and of all cores for embedding; `decoding` are those of one core."""
    tokens = prompts * cost_model.PROMPT
    if facts is None:  # a small CLIP, on the cores
        return {"cpu": cost_model.TORCH + decoding + tokens}
    forward = cost_model.seconds_of_forward(facts, images, prompts)
    # What a GPU waits for goes on beside it: reading, and making tokens of prompts.
    busy = float(np.maximum(forward, decoding / cost_model.READERS + tokens))
    start = cost_model.TORCH + np.nan_to_num(weights) / cost_model.LOADED
    return {"gpu": start + busy, "cpu": start + forward + decoding + tokens}


def _near_duplicates(study: Study) -> Cost:
    named = study.near_duplicates is not None and study.near_duplicates.references
    cpu = nan if named else cost_model.TORCH  # the number of references is not known before
    return Cost(len(study.sets), "sets", cpu=cpu)


def _scoring(
    study: Study,
    model: str,
    products: float,
    similarities: float,
    beside: float,
    alone: float,
    busy: float = 0.0,
) -> Cost:
    """Scoring embeddings: seconds of a core `beside` a GPU, or `alone` and for `similarities`.

    A published model is scored beside a GPU where there are so many `products` of two numbers. The
    GPU computes the similarities, and for the share `busy` of the seconds.
    """
    settings = study.embedded[model]
    operations = 2 * similarities * cost_model.width_of(settings)
    if cost_model.facts_of(settings) is None or products < LARGE:
        return Cost(cpu=alone + operations / cost_model.CORE_FLOPS)
    return Cost(cpu=beside, gpu=operations / cost_model.SINGLE_FLOPS + busy * beside)


def _accuracy(study: Study, model: str) -> Cost:
    images = work.scored(study)
    similarities = work.similarities_of_accuracy(study, model)
    products = images * study.words.size * cost_model.width_of(study.embedded[model])
    resampled = images * cost_model.RESAMPLED
    return _scoring(study, model, products, similarities, resampled, resampled)


def _dimension_swap(study: Study, model: str) -> Cost:
    width = cost_model.width_of(study.models[model])
    similarities = work.similarities_of_swaps(study)
    products = study.dimension_swap.samples * study.words.size * width
    of_swaps = work.products_of_swaps(study, width)
    beside, alone = of_swaps * cost_model.SWAPPED, 2 * of_swaps / cost_model.CORE_FLOPS
    return _scoring(study, model, products, similarities, beside, alone)


def _linear_probe(study: Study, model: str) -> Cost:
    images, words = work.scored(study), study.words
    settings = study.models.get(model) or study.embedded_image_encoders[model]
    width = cost_model.width_of(settings)
    seconds = cost_model.seconds_to_probe(images, width, len(words.attributes), len(words.objects))
    if model not in study.models:
        return Cost(cpu=seconds)
    # It answers the same images by its texts.
    again = cost_model.AGAIN * images * words.size
    return _scoring(study, model, again * width, again, seconds, seconds)


def _representation_metrics(study: Study, model: str) -> Cost:
    numbers = work.numbers_of_metrics(study, model, cost_model.width_of(study.embedded[model]))
    beside, alone = (numbers * each for each in (cost_model.MEASURED, cost_model.MEASURE_NUMBER))
    return _scoring(study, model, PRODUCTS * numbers, 0, beside, alone, cost_model.BUSY)


def _interventions(study: Study, model: str) -> Cost:
    if study.interventions is None:
        return Cost()
    width = cost_model.width_of(study.models[model])
    numbers, similarities = work.numbers_of_edits(study, width), work.similarities_of_edits(study)
    products = study.interventions.samples * study.words.size * width
    beside, alone = (numbers * each for each in (cost_model.EDITED, cost_model.MEASURE_NUMBER))
    return _scoring(study, model, products, similarities, beside, alone, cost_model.BUSY)


def _notebook(study: Study, notebook: str) -> Cost:
    return Cost(1, "notebooks", disk=cost_model.NOTEBOOK_FILE)


COSTS: dict[str, Callable[..., Cost]] = {
    "draw": _draw,
    "import_images": _import_images,
    "generate": _generate,
    "join_shards": lambda study, set_: Cost(1, "sets"),
    "ask_verifier": _ask_verifier,
    "verify": lambda study, set_: Cost(1, "sets"),
    "draw_factor_set": _draw_factor_set,
    "train": _train,
    "train_image_encoder": _train_image_encoder,
    "train_factor_model": _train_factor_model,
    "caption_search": _caption_search,
    "pixels": _pixels,
    "embed": _embed,
    "near_duplicates": _near_duplicates,
    "accuracy": _accuracy,
    "baselines": lambda study: Cost(len(study.sets), "sets"),
    "dimension_swap": _dimension_swap,
    "linear_probe": _linear_probe,
    "representation_metrics": _representation_metrics,
    "interventions": _interventions,
    "training_dynamics": lambda study, model: Cost(),
    "factor_scores": lambda study, model: Cost(),
    "design": lambda study: Cost(len(study.trained)),
    "collect": lambda study: Cost(len(study.models), "models"),
    "notebook": _notebook,
    "book": lambda study: Cost(len(study.notebooks), "pages"),
}
