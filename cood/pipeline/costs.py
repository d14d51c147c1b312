"""What each job of a study costs, roughly, from the study file and the figures of `cost_model`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import nan
from typing import Any

import numpy as np

from cood.catalogue.sources import LOCAL
from cood.models.hub import checkpoint_cached, repository_cached
from cood.pipeline import cost_model
from cood.settings import (
    Checkpoint,
    DiffusionSet,
    IconSet,
    PublishedImageEncoder,
    ReleaseSet,
)
from cood.settings.preprocessing import models_by_preprocessing, preprocessed_sets
from cood.settings.study_file import Study

DEFAULT_SIZE = 512  # pixels a side of images whose size is not known


@dataclass(frozen=True)
class Cost:
    """Units of work, bytes and seconds of one job; NaN if not known beforehand."""

    units: float = 1
    unit: str = "models"
    download: float = 0.0
    disk: float = 0.0
    gpu: float = 0.0
    cpu: float = 0.0


def images_of(study: Study, name: str) -> tuple[float, float]:
    """Number of images of compositions and of isolated words in a set; NaN if imported."""
    settings, words = study.set(name), study.words
    if not isinstance(settings, IconSet | DiffusionSet):
        return nan, 0
    isolated = settings.isolated_images * (len(words.attributes) + len(words.objects))
    return words.size * settings.images_per_composition, isolated


def _size(study: Study, name: str) -> int:
    return int(getattr(study.set(name), "size", DEFAULT_SIZE))


def _images(study: Study) -> float:
    """Images of compositions in all sets."""
    return sum(images_of(study, set_)[0] for set_ in study.sets)


def _drawing(pixels: float, images: float) -> Cost:
    return Cost(
        images,
        "images",
        disk=pixels * cost_model.DRAWN_PIXEL,
        cpu=pixels * cost_model.DRAW_PIXEL,
    )


def _draw(study: Study, set_: str) -> Cost:
    images = sum(images_of(study, set_))
    return _drawing(images * study.drawn[set_].size ** 2, images)


def _draw_factor_set(study: Study, set_: str) -> Cost:
    settings = study.factor_sets[set_]
    return _drawing(settings.images * settings.size**2, settings.images)


def _import_images(study: Study, set_: str) -> Cost:
    settings = study.set_or_id_set(set_)
    download = nan if getattr(settings, "url", None) else 0.0
    disk = nan if isinstance(settings, ReleaseSet) else 0.0  # images of a folder are linked
    return Cost(1, "sets", download=download, disk=disk, cpu=nan)


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
        cpu=cost_model.TORCH,
    )


def _ask_verifier(study: Study, set_: str, shard: str) -> Cost:
    asked = study.verified(set_)
    kept = repository_cached(asked.model, asked.revision) or asked.model.startswith(LOCAL)
    images = images_of(study, set_)[0] / asked.shards
    return Cost(
        images,
        "images",
        download=0.0 if kept or shard != "0" else nan,  # the size of its weights is not known
        gpu=images * cost_model.ASK_IMAGE,
        cpu=cost_model.TORCH,
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
        from cood.curation.caption_search.caption_files import find_files, size_of

        sizes = [size_of(file)[0] for file in find_files(settings.files, study.paths.root)]
        captions = round(sum(sizes) / cost_model.CAPTION_BYTES) if all(sizes) else nan
    return Cost(captions, "captions", cpu=captions * cost_model.CAPTION)


def _pixels(study: Study, preprocessing: str) -> Cost:
    """Images of the sets that models of a preprocessing embed; without those of imported sets."""
    images = pixels = 0.0
    for set_ in preprocessed_sets(study, preprocessing):
        if set_ in study.factor_sets:
            of_set, size = float(study.factor_sets[set_].images), study.factor_sets[set_].size
        elif set_ in study.sets:
            of_set, size = sum(images_of(study, set_)), _size(study, set_)
        else:
            of_set, size = nan, DEFAULT_SIZE  # counted once they are listed
        images += of_set
        pixels += of_set * size**2
    side = next(p.size for p in models_by_preprocessing(study) if p.name == preprocessing)
    cpu = cost_model.TORCH + pixels * cost_model.READ_PIXEL
    return Cost(images, "images", disk=images * 3 * side**2, cpu=cpu)


def _embed(study: Study, model: str) -> Cost:
    if model in study.embedded_image_encoders:
        return _embed_image_encoder(study, model)
    settings = study.embedded.get(model)
    prompts, stored = _texts(study)
    width = cost_model.width_of(settings)
    images = pixels = disk = 0.0
    for set_ in study.sets if settings is not None else ():
        of_set = sum(images_of(study, set_))
        images += of_set
        pixels += of_set * _size(study, set_) ** 2
        disk += (of_set + stored) * width * cost_model.FLOAT
    for factor_set in set(study.sets_of(model)) & set(study.factor_sets):
        of_set = study.factor_sets[factor_set].images
        images += of_set
        pixels += of_set * study.factor_sets[factor_set].size ** 2
    if study.id_sets and settings is not None:  # their images are counted once they are listed
        images = pixels = nan
    prompts = prompts * len(study.sets) if settings is not None else 0
    weights = 0.0
    if isinstance(settings, Checkpoint) and not checkpoint_cached(settings.checkpoint):
        weights = cost_model.size_of_weights(settings)
    return replace(_forward(settings, images, prompts, pixels), download=weights, disk=disk)


def _embed_image_encoder(study: Study, model: str) -> Cost:
    encoder = study.embedded_image_encoders[model]
    images = _images(study) if not study.id_sets else nan
    pixels = sum(images_of(study, set_)[0] * _size(study, set_) ** 2 for set_ in study.sets)
    weights = 0.0
    if isinstance(encoder, PublishedImageEncoder):
        weights = cost_model.size_of_weights(encoder)
    disk = _images(study) * cost_model.width_of(encoder) * cost_model.FLOAT
    return replace(_forward(encoder, images, 0, pixels), download=weights, disk=disk)


def _texts(study: Study) -> tuple[float, float]:
    """Prompts that are embedded, and texts whose embeddings are stored, for one set."""
    words, usual = study.words, study.evaluation.templates
    texts = words.size + len(words.attributes) + len(words.objects)
    more = {t for other in study.ablations.values() for t in other if t not in usual}
    prompts = texts * len(usual) + words.size * len(more)
    return prompts, texts + words.size * len(study.ablations)


def _forward(model: Any, images: float, texts: float, pixels: float) -> Cost:
    """Embedding images of so many pixels in all, and texts, with a model."""
    gpu, cpu = 0.0, cost_model.TORCH + pixels * cost_model.READ_PIXEL
    facts = cost_model.facts_of(model)
    if facts is not None:
        # The next images are read meanwhile; the GPU waits if that takes longer.
        reading = pixels * cost_model.READ_PIXEL / cost_model.READERS
        gpu = float(np.maximum(cost_model.seconds_of_forward(facts, images, texts), reading))
    return Cost(images, "images", gpu=gpu, cpu=cpu)


def _near_duplicates(study: Study) -> Cost:
    named = study.near_duplicates is not None and study.near_duplicates.references
    cpu = nan if named else cost_model.TORCH  # the number of references is not known before
    return Cost(len(study.sets), "sets", cpu=cpu)


def _products(rows: float, columns: float, width: float) -> float:
    """Seconds of the similarities of rows with columns."""
    return 2 * rows * columns * width / cost_model.CORE_FLOPS


def _accuracy(study: Study, model: str) -> Cost:
    images, width = _images(study), cost_model.width_of(study.embedded[model])
    cpu = _products(images, _texts(study)[1], width)
    if model in study.models:
        cpu += _products(study.retrieval.samples, images, width)
    return Cost(cpu=cpu)


def _dimension_swap(study: Study, model: str) -> Cost:
    width = cost_model.width_of(study.models[model])
    return Cost(cpu=_products(study.dimension_swap.samples, _images(study), width))


def _linear_probe(study: Study, model: str) -> Cost:
    images, words = _images(study), study.words
    settings = study.models.get(model) or study.embedded_image_encoders[model]
    width = cost_model.width_of(settings)
    cpu = cost_model.seconds_to_probe(images, width, len(words.attributes), len(words.objects))
    if model in study.models:  # which answers the same images by its texts
        cpu += cost_model.AGAIN * _products(images, words.size, width)
    return Cost(cpu=cpu)


def _representation_metrics(study: Study, model: str) -> Cost:
    width, passes = cost_model.width_of(study.embedded[model]), study.representation_metrics.splits
    return Cost(cpu=_images(study) * width * cost_model.MEASURE_NUMBER * len(passes))


def _interventions(study: Study, model: str) -> Cost:
    edits, words = study.interventions, study.words
    if edits is None:
        return Cost()
    texts = words.size + len(words.attributes) + len(words.objects)
    rows = min(_images(study), edits.samples) * edits.rankings
    return Cost(cpu=_products(rows, texts, cost_model.width_of(study.models[model])))


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
