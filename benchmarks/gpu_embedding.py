"""Decoding and embedding images and texts, against what is bare of both, for `benchmarks.gpu`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import torch

from benchmarks.gpu_models import clip_of, in_processes, write_photos
from benchmarks.gpu_precision import agreements
from benchmarks.gpu_rows import Row, Sizes, median_seconds, ratio
from cood.evaluation.common.half_precision import smallest_cosine
from cood.evaluation.embed.images import batch_of, embed_source
from cood.evaluation.embed.pixels import decode, open_pixels
from cood.evaluation.embed.precision import AUTO, SINGLE, computing, resolve
from cood.evaluation.embed.preprocessing import SplitPreprocessing, split
from cood.evaluation.embed.sources import PixelRows
from cood.evaluation.embed.texts import _context, embed_texts
from cood.evaluation.embed.tokens import tokens_of
from cood.settings.study_file import load_study
from cood.synthesis.image_files import load_image
from cood.vocabulary import TEMPLATES, fill

PIXELS_GOAL, SMALL_GOAL, GOAL, TEXTS_GOAL = 0.9, 0.85, 0.9, 0.8
SAME_GOAL, POINTS_GOAL = 0.995, 0.1
SMALL = "ViT-B-32"
WITH_TEXTS = ("ViT-L-14", "tiny")  # of which the texts are timed too
ONE_CORE = 200  # images that one core decodes to be timed
PART = "photos/images"


@dataclass(frozen=True)
class Photos:
    """Image files that are listed more than once, so that few are written and many read."""

    folder: Path
    names: list[str]
    times: int

    @property
    def table(self) -> pd.DataFrame:
        """As a manifest lists them."""
        return pd.DataFrame({"image": self.names * self.times})


def write(folder: Path, sizes: Sizes, cores: int) -> Photos:
    """Write the files that a table lists, in all processes."""
    names = write_photos(folder, sizes.photos, sizes.side, cores)
    return Photos(folder, names, sizes.listed)


def decoding_rows(
    photos: Photos, pixels: Path, parts: SplitPreprocessing, cores: int
) -> Iterator[Row]:
    """Images a second that are decoded into `pixels` by all cores, against one core's."""
    decode_some = partial(_seconds_to_decode, photos.folder, parts)
    names = photos.names[:ONE_CORE]
    (one,) = (len(names) / s for s in in_processes(decode_some, [names], 1))
    half, every = (
        sum(len(names) / s for s in in_processes(decode_some, [names] * many, many))
        for many in (max(1, cores // 2), cores)
    )
    start = time.perf_counter()
    decode({PART: (photos.folder, photos.table)}, parts, pixels, lambda text: None, cores)
    rate = len(photos.table) / (time.perf_counter() - start)
    name = f"{cores} x one core's {one:,.1f}:"
    note = (
        f"processes included; a plain loop in {cores} processes decodes {every:,.0f} images/s in "
        f"all, {every / (cores * one):.0%} of that ({half:,.0f} in half as many), and `pixels` "
        f"{rate / every:.0%} of the loop"
    )
    work = f"make pixels, {len(photos.table):,} images, {cores} processes"
    yield ratio(work, "images/s", rate, cores * one, name, PIXELS_GOAL, note)


def _seconds_to_decode(folder: Path, parts: SplitPreprocessing, names: list[str]) -> float:
    start = time.perf_counter()
    for name in names:
        parts.pixels(load_image(folder, name))
    return time.perf_counter() - start


def rows(
    architecture: str,
    photos: Photos,
    pixels: Path,
    sizes: Sizes,
    device: torch.device,
    cores: int,
) -> Iterator[Row]:
    """Embedding with one architecture from `pixels`, its precision, and its texts."""
    clip = clip_of(architecture, device)
    parts = split(clip.preprocess)
    if parts is None:
        raise RuntimeError(f"the preprocessing of {architecture} cannot be split")
    decoded = _decoded(photos, pixels, parts, cores)
    source = first(decoded, sizes.architectures[architecture])
    bare = _bare_images(clip, parts, source, device)
    embed_source(clip, first(decoded, 2 * batch_of(device, source.shape)), parts)
    seconds = median_seconds(lambda: embed_source(clip, source, parts), warm_ups=0)
    goal = SMALL_GOAL if architecture == SMALL else GOAL
    yield ratio(
        f"embed {len(source):,} images from pixels, {architecture}",
        "images/s",
        len(source) / seconds,
        bare,
        "bare forward",
        goal,
        f"batches of {batch_of(device, source.shape)}, pixels in the cache of the file system",
    )
    yield from precision_rows(clip, first(decoded, len(photos.names)), parts, device)
    if architecture in WITH_TEXTS:
        yield from text_rows(clip, sizes, device)


def _decoded(photos: Photos, pixels: Path, parts: SplitPreprocessing, cores: int) -> PixelRows:
    """The pixels of the photos; what is not decoded yet is decoded now."""
    table = photos.table
    decode({PART: (photos.folder, table)}, parts, pixels, lambda text: None, cores)
    opened = open_pixels(pixels, parts)
    decoded = None if opened is None else opened.rows(*PART.split("/"), table)
    if decoded is None:
        raise RuntimeError(f"the pixels in {pixels} are not those of {parts.description}")
    return decoded


def first(rows: PixelRows, count: int) -> PixelRows:
    """The first rows, and all of them again and again if there are fewer."""
    arrays: list[np.ndarray] = []
    while (left := count - sum(map(len, arrays))) > 0:
        for array in rows.arrays:
            part = array[: max(0, left)]
            arrays += [part] if len(part) else []
            left -= len(part)
    return PixelRows(tuple(arrays))


def _bare_images(
    clip: Any, parts: SplitPreprocessing, source: PixelRows, device: torch.device
) -> float:
    """Images a second of the forward pass alone, of input that is on the device."""
    batch = min(batch_of(device, source.shape), len(source))
    uint8 = np.empty((batch, *source.shape), np.uint8)
    source.read(0, uint8)
    batches = max(1, len(source) // batch // 2)  # enough for a steady rate
    with computing(resolve(AUTO, device), device):
        pixels = parts.normalise(torch.from_numpy(uint8).to(device))

        def forward() -> None:
            for _ in range(batches):
                clip.encode_image(pixels)

        return batch * batches / median_seconds(forward)


def precision_rows(
    clip: Any, source: PixelRows, parts: SplitPreprocessing, device: torch.device
) -> Iterator[Row]:
    """How far half precision agrees with single; on a CPU both are single."""
    half = embed_source(clip, source, parts, precision=AUTO)
    start = time.perf_counter()
    single = embed_source(clip, source, parts, precision=SINGLE).values
    seconds = time.perf_counter() - start
    trained, harsh = agreements(single, half.values, device)
    smallest = smallest_cosine(single, half.values)
    name = f"{clip.source}, {half.precision} against single precision"
    about = (
        f"errors of random weights, in the geometry of a trained CLIP, of which half is right; "
        f"images about their mean: {harsh.same:.2%} the same, {harsh.points:.2f} points apart; "
        f"smallest cosine {smallest:.7f}; {half.again} embedded again; single precision "
        f"{len(source) / seconds:,.0f} images/s"
    )
    same = f"{trained.same:.2%} of {len(source):,}"
    yield Row(f"top-1 answers, {name}", same, "the same", trained.same, SAME_GOAL, True, about)
    points = f"{trained.half:.2%} and {trained.single:.2%}"
    yield Row(
        f"accuracy, {name}", points, "points apart", trained.points, POINTS_GOAL, at_least=False
    )


def text_rows(clip: Any, sizes: Sizes, device: torch.device) -> Iterator[Row]:
    """Texts a second, against the forward pass alone of the same tokens, cut alike."""
    every = load_study("paper").words.compositions()
    names = every[:: -(-len(every) * len(TEMPLATES) // sizes.prompts)]
    prompts = len(names) * len(TEMPLATES)
    batches = _batches(clip, names)
    tokens = sum(batch.numel() for batch in batches) / prompts

    def forward() -> None:
        for batch in batches:
            with _context(clip.model, batch.shape[1]):
                clip.model.encode_text(batch)

    with computing(resolve(AUTO, device), device):
        bare = median_seconds(forward)
    seconds = median_seconds(lambda: embed_texts(clip, names, TEMPLATES), 1, 0)
    some = names[: ONE_CORE * len(TEMPLATES)]
    start = time.perf_counter()
    tokens_of(clip, [fill(template, name) for name in some for template in TEMPLATES])
    alone = len(some) * len(TEMPLATES) / (time.perf_counter() - start)
    yield ratio(
        f"embed {prompts:,} prompts of {tokens:.1f} tokens, {clip.source}",
        "texts/s",
        prompts / seconds,
        prompts / bare,
        "bare forward",
        TEXTS_GOAL,
        f"{len(batches)} batches; filling templates and making tokens alone: {alone:,.0f} texts/s",
    )


def _batches(clip: Any, names: list[str]) -> list[torch.Tensor]:
    """The tokens that the text tower is given for the prompts of names, on the device."""
    batches, encode = [], clip.model.encode_text

    def record(tokens: torch.Tensor) -> torch.Tensor:
        batches.append(tokens)
        return encode(tokens)

    with patch.object(clip.model, "encode_text", record):
        embed_texts(clip, names, TEMPLATES)
    return batches
