"""Rough figures for plans: what an image, a caption or a model costs.

They hold within a factor of two or three, for a GPU like the H100 and one core of a current
processor. Sizes are in bytes and times in seconds. Those of the GPU were measured on an H200 with
random weights of the true architectures, in half precision; `benchmarks/gpu.py` measures them.
Jobs of the study that are done replace them: `cood.pipeline.measured`.
"""

from __future__ import annotations

from math import isnan, nan
from typing import Any

import numpy as np

from cood.catalogue import checkpoints as catalogue
from cood.catalogue import open_clip_listing as listing
from cood.catalogue.sources import LOCAL, local_path
from cood.settings import (
    LARGEST_LOGISTIC,
    Checkpoint,
    DiffusionSet,
    NullModel,
    PublishedImageEncoder,
    Schedule,
)

FLOAT, HALF_FLOAT = 4, 2  # bytes of a number of single and of half precision
JOB = 3.0  # CPU time of a job for Python and its tables: jobs of `smoke` took 1 to 6
TORCH = 6.0  # added where torch and open_clip are imported: `smoke`

# Files: drawings of `smoke`; nine parts of the photographs that come with scikit-learn and
# matplotlib, at 512 pixels a side, as lossless WebP (1.10 to 1.44; as PNG 1.62 in the mean).
DRAWN_PIXEL = 1.5
GENERATED_PIXEL = 1.24
TRAINED_MODEL = 15e6  # weights, captions and moments of one of the small CLIPs: `smoke`
NOTEBOOK_FILE = 3e5  # `smoke`
CAPTION_BYTES = 100  # a caption with its share of the other columns, in a compressed file

# Reading: of PNG files of 512 pixels a side, a core makes 69 arrays of 224 in a second where all
# 16 do so, 85 alone.
READ_PIXEL = 1 / 69 / 512**2
READERS = 16  # cores that decode for a GPU, where the images are not decoded yet
# Drawing and searching: page "Speed" of the book, and its benchmark of captions.
DRAW_PIXEL = 1 / 1900 / 64**2
CAPTION = 1 / 400_000
# Training: 1,700 images a second a core for a small CLIP at 32 pixels; at 64 some 600.
TRAIN_PIXEL = 1 / 600 / 64**2

# A forward pass: multiply-adds a parameter and image at 224 pixels, some 200 for ViT-B-16 (17.5 G
# of the image tower's 86 M), ConvNeXt-B (15.4 G, 88 M) and RN50 (6.1 G, 38 M) alike; for ViTs one
# a patch, so their patch size counts.
PATCHES = 196
USUAL_RESOLUTION = 224
ENCODER_WIDTH = 128  # of image towers of the small CLIPs, without their projection: 96 to 256
PROMPT_TOKENS = 12
CONTEXTS = 16  # captions of a class of a factor set, `cood.evaluation.embed.factor_sets`
# Embedding from decoded pixels in half precision, by the parameters of the model: 21,063 images a
# second by ViT-B-32, 1,854 by ViT-L-14 and 998 by ViT-H-14, as operations are counted here; in
# single precision 3,716, 280 and 139. Of texts, 71,718 by ViT-L-14: the text tower has a third of
# the parameters.
HALF_FLOPS = {151e6: 310e12, 428e6: 410e12, 986e6: 500e12}
TEXT_TOWER = 0.5
SINGLE_FLOPS = 60e12
CORE_FLOPS = 20e9
PROMPT = 1 / 97_000  # a core fills templates and makes tokens of so many prompts
LOADED = 1e9  # bytes of weights that are read and moved to a GPU in a second

# Text to image at 512 pixels, SDXL: UNet 231 images a second, with the decoder 57, with texts and
# saving 45. A core encodes and writes 19 PNG files a second, and as many lossless WebP files.
STEP_PIXEL = 1 / 231 / 512**2
AROUND_PIXEL = (1 / 45 - 1 / 231) / 512**2
SAVE_PIXEL = 1 / 19 / 512**2
# Two questions about an image to a model of 7 billion parameters: some 400 tokens of the image,
# read once, and 40 of each question, at two operations a parameter and token, at half the speed of
# forward passes of ViT-L-14.
ASK_IMAGE = (400 + 2 * 40) * 2 * 7e9 / 200e12
# Images that verification keeps of those that are made: 60,000 of 389,220, as many as the paper
# has; the share that the run kept is used once it is there.
KEPT = 60_000 / 389_220
RELEASE_IMAGES = 60_000  # that the paper names; counted once the release is imported
# Parameters of whole pipelines, by the beginning of their name: UNet, text encoders, decoder of
# Podell et al. 2023, arXiv 2307.01952, and of Rombach et al. 2022, arXiv 2112.10752.
GENERATORS = {
    "stabilityai/sdxl": 3.5e9,
    "stabilityai/stable-diffusion-xl": 3.5e9,
    "stabilityai/stable-diffusion-2": 1.3e9,
    "stable-diffusion-v1-5/": 1.1e9,
}
HALF = ("fp16", "bf16")

# GPU memory beside the weights: a batch of 256 images in ViT-bigG's widest layers, a few times.
ACTIVATIONS = 6e9

# Linear probes: an iteration of a logistic regression is two products of images, width and words;
# six strengths and the last fit take some 600 in `mini`.
LINEAR_STEPS = 600
HELD_OUT = 0.2  # usual share of the images, and of the pairs, that they are tested with
PAIR = 5e-8  # of an image and a pair: 60,000 images and 30,000 pairs took a minute
AGAIN = 0.24  # share of images times pairs that CLIPs answer by their texts once more

# Scoring 60,000 images and 129,740 pairs of width 768 as `paper` does, with a GPU: seconds of one
# core, page "Speed". By image for intervals and scores of accuracy, by number of the codes for
# metrics and edits, by product for the dimensions that words need. Of the seconds of metrics, the
# core waited for the GPU in 7 of 90.
BUSY = 0.1
TIMED_NUMBERS, TIMED_EDITS, TIMED_SWAPS = 1.655e9, 2.227e8, 3.894e12  # as `work` counts them
RESAMPLED = 13.1 / 60_000
MEASURED = 81.0 / TIMED_NUMBERS
EDITED = 60.5 / TIMED_EDITS
SWAPPED = 51.9 / TIMED_SWAPS

# The same metrics by a core without a GPU, of the machine of page "Speed": 725 s.
MEASURE_NUMBER = 725 / TIMED_NUMBERS


def size_of_weights(model: Checkpoint | PublishedImageEncoder) -> float:
    """Bytes to download for a checkpoint; NaN if unknown."""
    named = model.encoder if isinstance(model, PublishedImageEncoder) else model.checkpoint
    if local_path(named) is not None:
        return 0.0
    return FLOAT * model.facts.get("parameters", nan)


def size_of_generator(settings: DiffusionSet) -> float:
    """Bytes of the weights of a text-to-image pipeline; NaN if unknown."""
    if settings.model.startswith(LOCAL):
        return 0.0
    for name, parameters in GENERATORS.items():
        if settings.model.startswith(name):
            return parameters * (2 if settings.variant in HALF else FLOAT)
    return nan


def seconds_to_generate(settings: DiffusionSet) -> float:
    """GPU time of one image."""
    passes = settings.steps * (2 if settings.guidance > 1 else 1)
    return (STEP_PIXEL * passes + AROUND_PIXEL) * settings.size**2


def seconds_to_train(recipe: Schedule, size: int) -> float:
    """CPU time of training a small CLIP, or its image tower, on images of `size` pixels a side."""
    return recipe.batch * recipe.steps * TRAIN_PIXEL * size**2


def facts_of(model: Any) -> dict[str, Any] | None:
    """Facts of the catalogue about a published model, trained or not; None for a small CLIP."""
    if isinstance(model, Checkpoint | PublishedImageEncoder):
        return model.facts
    if not isinstance(model, NullModel) or model.architecture is None:
        return None
    if model.architecture not in listing.architectures():
        return {}  # refused before it is made
    facts = catalogue.facts_of_architecture(model.architecture)
    return {"architecture": model.architecture, **facts}


def width_of(model: Any) -> float:
    """Width of an embedding; NaN if unknown."""
    facts = facts_of(model)
    if facts is None:
        return getattr(model, "embed_dim", ENCODER_WIDTH)
    return facts.get("embed_dim", nan)


def seconds_to_probe(images: float, width: float, attributes: int, objects: int) -> float:
    """CPU time of linear probes for attribute and object, and of pairing them; NaN if unknown."""
    words = attributes + objects
    if images * objects > LARGEST_LOGISTIC:  # a covariance, and one product with all words
        steps = 2 * images * width * (width + words)
    else:
        steps = 4 * LINEAR_STEPS * images * width * words
    pairs = HELD_OUT**2 * images * attributes * objects
    return steps / CORE_FLOPS + pairs * PAIR


def seconds_of_forward(facts: dict[str, Any], images: float, texts: float) -> float:
    """GPU time of the forward passes of a model by its `facts`; NaN if they do not tell."""
    if "parameters" not in facts:
        return nan
    if "patch" in facts:  # an image-only encoder; NaN if it has no patches
        patch = None if isnan(facts["patch"]) else facts["patch"]
    else:
        patch = catalogue.configuration(facts["architecture"])["vision_cfg"].get("patch_size")
    patches = PATCHES * (facts["resolution"] / USUAL_RESOLUTION) ** 2
    if patch:
        patches = (facts["resolution"] / patch) ** 2
    tokens = images * patches + TEXT_TOWER * texts * PROMPT_TOKENS
    # Larger models keep a GPU busier; beyond those that were measured, as these do.
    sizes, rates = np.log(list(HALF_FLOPS)), list(HALF_FLOPS.values())
    speed = float(np.interp(np.log(facts["parameters"]), sizes, rates))
    return 2 * facts["parameters"] * tokens / speed
