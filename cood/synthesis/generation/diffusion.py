"""Generating images with a text-to-image pipeline of diffusers.

Every image has a random generator of its own on the CPU, so that its noise does not depend on the
other images of its batch. On a CPU images are made one by one, as a batch would save no time: a
file is then the same to the byte whatever `batch` is. On a GPU the kernels of another batch size
may round differently; the batches are the same in every run, also when it resumes after a stop.

A GPU waits for nothing: while it makes a batch, the images of the one before it are copied to the
host, encoded and written by other threads.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from cood.errors import CoodError
from cood.files import write_table
from cood.progress import Progress
from cood.settings import DiffusionSet
from cood.settings.study_file import Study
from cood.synthesis.generation.pipelines import load_pipeline
from cood.synthesis.generation.saving import finished, save_image
from cood.synthesis.generation.shards import join_shards, made, planned
from cood.synthesis.manifests import FAILED, KEPT
from cood.synthesis.overlap import overlap

PATIENCE = 20  # failed images in a row, after which the pipeline is at fault
LONGEST = 200  # characters of a reason
# Threads that save. More of them take Python's lock from the one that feeds the GPU: SDXL at 512 px
# was made and saved at 40 images a second with 16 of them, and at 50 with 4 (57 without saving).
SAVERS = 4

# Call it for pixels [height, width, 3], or for why there are none; it waits until they have come.
Coming = Callable[[], "np.ndarray | str"]


@dataclass(frozen=True)
class Wanted:
    """An image to make: its prompt and seed, its file, and the mark that the file gets."""

    prompt: str
    seed: int
    file: Path
    mark: str


def generate_set(
    study: Study, name: str, say: Callable[[str], None] = print, cores: int = 1
) -> pd.DataFrame:
    """Make the shards of a set that are missing, join all, and return the manifest."""
    pipeline = None
    for shard in study.shard_names(name):
        if made(study, name, shard):
            continue
        if pipeline is None:  # loaded only if there is something to make
            pipeline = load_pipeline(study, study.generated_set(name), say)
        generate_shard(study, name, shard, say, pipeline, cores)
    return join_shards(study, name)


def generate_shard(
    study: Study,
    name: str,
    shard: str,
    say: Callable[[str], None] = print,
    pipeline: Any = None,
    cores: int = 1,
) -> pd.DataFrame:
    """Make the images of a shard that are missing, write its table and return it.

    An image that cannot be made has the reason in `status`, and is tried again the next time. As
    many threads as `cores`, but at most `SAVERS`, encode and write the images.

    Raises
    ------
    StudyError
        If there is no such set or shard.
    CoodError
        If the pipeline cannot be loaded, or makes no image at all.
    """
    settings, folder = study.generated_set(name), study.paths.manifest(name).parent
    rows = planned(study, name, shard)
    wanted = [
        Wanted(r.prompt, r.seed, folder / r.image, f"{r.recipe} {r.seed} {r.prompt}")
        for r in rows.itertuples()
    ]
    missing = [not finished(image.file, image.mark) for image in wanted]
    say(f"{name}, shard {shard}: {sum(missing):,} of {len(rows):,} images to make")
    statuses = [KEPT] * len(rows)
    if any(missing):
        if pipeline is None:
            pipeline = load_pipeline(study, settings, say)
        progress = Progress(f"{name}, shard {shard}", sum(missing), say)
        threads = min(cores, SAVERS)
        with closing(make_images(pipeline, settings, wanted, missing, threads)) as batches:
            _note(batches, statuses, settings.model, progress)
    sizes = [
        image.file.stat().st_size if status == KEPT else 0
        for image, status in zip(wanted, statuses, strict=True)
    ]
    table = rows.assign(status=statuses, bytes=sizes)
    write_table(table, study.paths.shard(name, shard))
    return table


def make_images(
    pipeline: Any,
    settings: DiffusionSet,
    wanted: Sequence[Wanted],
    missing: Sequence[bool],
    threads: int,
) -> Generator[list[tuple[int, str]], None, None]:
    """Make and save the images that are missing, batch by batch.

    Yields
    ------
    list of (int, str)
        Place and status of each image of a batch that was missing, once its file is written.

    Raises
    ------
    ArtefactError
        If a file cannot be written.
    """
    batch = settings.batch if pipeline.device.type != "cpu" else 1

    def batches() -> Iterator[list[tuple[int, Coming]]]:
        for start in range(0, len(wanted), batch):
            part = wanted[start : start + batch]
            todo = [k for k in range(len(part)) if missing[start + k]]
            if todo:
                # The whole batch, so that its images are what they would have been without a stop.
                prompts, seeds = [image.prompt for image in part], [image.seed for image in part]
                images = generate(pipeline, prompts, seeds, settings)
                yield [(start + k, images[k]) for k in todo]

    def save(made: tuple[int, Coming]) -> tuple[int, str]:
        place, coming = made
        pixels = coming()
        if isinstance(pixels, str):
            return place, pixels
        save_image(pixels, wanted[place].file, wanted[place].mark)
        return place, KEPT

    return overlap(batches(), save, threads)


def generate(
    pipeline: Any, prompts: Sequence[str], seeds: Sequence[int], settings: DiffusionSet
) -> list[Coming]:
    """An image for each prompt and seed, or why it was not made, when each is called.

    A GPU may still be at work when this returns. If a batch fails, its images are tried one by one.
    """
    try:
        output = pipeline(
            prompt=list(prompts),
            num_inference_steps=settings.steps,
            guidance_scale=settings.guidance,
            height=settings.size,
            width=settings.size,
            generator=[torch.Generator("cpu").manual_seed(seed) for seed in seeds],
            output_type="pt",
        )
        flagged = getattr(output, "nsfw_content_detected", None) or [False] * len(prompts)
        return send(output.images, flagged)
    except Exception as error:  # most often out of memory
        reason = _reason(error)
    # Outside of the except block, as the error holds on to memory.
    if len(prompts) > 1:
        pairs = zip(prompts, seeds, strict=True)
        return [generate(pipeline, [prompt], [seed], settings)[0] for prompt, seed in pairs]
    return [lambda: f"{FAILED}: {reason}"]


def send(images: torch.Tensor, flagged: Sequence[bool]) -> list[Coming]:
    """Send images [n, 3, height, width], from 0 to 1, to the host as pixels.

    `flagged` says which the safety checker of the pipeline calls unsafe.
    """
    scaled = (images.float().permute(0, 2, 3, 1) * 255).round().clamp(0, 255).byte()
    finite = images.isfinite().flatten(1).all(dim=1)
    (pixels, whole), wait = _to_host([scaled.contiguous(), finite])

    def take(k: int, unsafe: bool) -> np.ndarray | str:
        try:
            wait()
        except RuntimeError as error:  # what a GPU did wrong is only known now
            return f"{FAILED}: {_reason(error)}"
        if unsafe:
            return "unsafe: by the safety checker of the pipeline"
        if not bool(whole[k]):
            return (
                f"{FAILED}: pixels that are not finite; another `precision`, or a `vae` that is "
                "right in half precision, may help"
            )
        return pixels[k].numpy()

    return [partial(take, k, bool(unsafe)) for k, unsafe in enumerate(flagged)]


def _to_host(tensors: Sequence[torch.Tensor]) -> tuple[list[torch.Tensor], Callable[[], object]]:
    """Copies on the host, and what waits until they are whole."""
    # From a GPU, torch copies to pinned memory then, which the GPU does in its turn.
    copies = [tensor.to("cpu", non_blocking=True) for tensor in tensors]
    if not tensors[0].is_cuda:
        return copies, lambda: None
    event = torch.cuda.Event(blocking=True)  # threads that wait leave the cores to others
    event.record()
    return copies, event.synchronize


def _note(
    batches: Iterable[list[tuple[int, str]]], statuses: list[str], model: str, progress: Progress
) -> None:
    """Fill in the statuses of all images as they come; refuse a pipeline that makes none."""
    failed = 0
    for batch in batches:
        for place, status in batch:
            statuses[place] = status
            failed = failed + 1 if status.startswith(FAILED) else 0
        if failed >= PATIENCE or all(status.startswith(FAILED) for status in statuses):
            raise CoodError(
                f"generator {model}: {failed} images in a row could not be made; the last one "
                f"{batch[-1][1]}"
            )
        progress.add(len(batch))


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:LONGEST] or type(error).__name__
