"""Scoring one model at the paper's size, on the GPU and on the cores, for `benchmarks.gpu`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from benchmarks.gpu_rows import Row, Sizes, median_seconds, not_measured, synchronise
from cood.devices import without_gpu
from cood.evaluation.accuracy.zero_shot import Answers, answer, score_zero_shot
from cood.settings import PARTNERS, Evaluation
from cood.splits import core_of, draw_seen, members
from cood.vocabulary import ATTRIBUTES, Vocabulary

ON_GPU, ON_CORES = 30.0, 180.0  # seconds, at most
NOISE = 7.0  # of an image about its text: at full size about half are answered right
SEED = 0
CORE, SHARE = 0.2, 0.5  # of the pairs, and of those that are left


def on_gpu(answers_file: Path, sizes: Sizes, device: torch.device) -> Iterator[Row]:
    """Time of answering and scoring all splits of one model on the GPU."""
    words = vocabulary(sizes)
    work = _work(sizes, words)
    if device.type != "cuda":
        yield not_measured(f"{work}, GPU", "there is no GPU")
        return
    tensors, truth = embeddings(words, sizes)
    answers, table, seconds = _score(tensors, truth, words, SEED)
    np.save(answers_file, answers.pairs)
    yield Row(f"{work}, GPU", f"{seconds:.1f} s", "", seconds, ON_GPU, False, _about(table))
    wide = replace(sizes, attributes=130, objects=998)
    words = vocabulary(wide)
    tensors, truth = embeddings(words, wide)
    seconds = median_seconds(lambda: answer(tensors, truth), 1)
    yield Row(f"the same among all {words.size:,} pairs, answers only, GPU", f"{seconds:.1f} s")


def on_cores(answers_file: Path, sizes: Sizes, cores: int) -> Iterator[Row]:
    """The same on the cores, and whether the answers are those of the GPU."""
    words = vocabulary(sizes)
    with without_gpu():
        answers, table, seconds = _score(*embeddings(words, sizes), words, SEED + 1)
    note = _about(table)
    if answers_file.is_file():
        note += (
            f"; {np.mean(np.load(answers_file) == answers.pairs):.4%} of the answers are the same"
        )
    work = f"{_work(sizes, words)}, {cores} cores"
    yield Row(work, f"{seconds:.1f} s", "", seconds, ON_CORES, False, note)


def _work(sizes: Sizes, words: Vocabulary) -> str:
    return f"score {sizes.images:,} images x {words.size:,} pairs, width {sizes.width}, top 5"


def _about(table: pd.DataFrame) -> str:
    splits = ", ".join(table["split"].unique())
    pair = table.query("metric == 'pair_top1' and category == 'all'")["value"].iloc[0]
    return f"{len(table):,} values with intervals, splits {splits}; pair accuracy {pair:.3f}"


def vocabulary(sizes: Sizes) -> Vocabulary:
    """So many attributes of the paper, and as many objects as asked."""
    attributes = [word for words in ATTRIBUTES.values() for word in words][: sizes.attributes]
    return Vocabulary(tuple(attributes), tuple(f"object {k}" for k in range(sizes.objects)))


def embeddings(
    words: Vocabulary, sizes: Sizes, shown: np.ndarray | None = None
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Texts of the words, images about them as a model writes them, and the truth [n].

    The images show the pairs `shown`, all of them by default.
    """
    rng = np.random.default_rng(SEED)

    def draw(rows: int) -> np.ndarray:
        return rng.standard_normal((rows, sizes.width), dtype=np.float32)

    attributes, objects = draw(len(words.attributes)), draw(len(words.objects))
    texts = (attributes[:, None] + objects[None]).reshape(words.size, -1)
    pairs = np.arange(words.size) if shown is None else shown
    truth = np.sort(rng.choice(pairs, sizes.images))
    images = texts[truth] + NOISE * draw(sizes.images)
    return {
        "images": images,
        "compositions": texts,
        "attributes": attributes,
        "objects": objects,
    }, truth


def _score(
    tensors: dict[str, np.ndarray], truth: np.ndarray, words: Vocabulary, seed: int
) -> tuple[Answers, pd.DataFrame, float]:
    """Answers, their table and the seconds; resamples of another seed cannot be kept ones."""
    core = core_of(words, CORE, (SEED,))
    splits = members(words, core, draw_seen(words, core, SHARE, PARTNERS, (SEED,)))
    synchronise()
    start = time.perf_counter()
    answers = answer(tensors, truth)
    table = score_zero_shot(tensors, answers, splits, words, Evaluation(), seed)
    synchronise()
    return answers, table, time.perf_counter() - start
