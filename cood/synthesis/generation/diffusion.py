"""Generating images with a text-to-image pipeline of diffusers.

Every image has a random generator of its own on the CPU, so that its noise does not depend on the
other images of its batch. On a CPU images are made one by one, as a batch would save no time: a
file is then the same to the byte whatever `batch` is. On a GPU the kernels of another batch size
may round differently; the batches are the same in every run, also when it resumes after a stop.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from cood.catalogue.sources import LOCAL
from cood.devices import best_device
from cood.errors import CoodError
from cood.files import atomic, write_table
from cood.progress import Progress
from cood.settings import DiffusionSet
from cood.settings.study_file import Study
from cood.synthesis.generation.shards import join_shards, made, planned
from cood.synthesis.manifests import FAILED, KEPT

MARK = "cood"  # text in a PNG file: recipe, seed and prompt
END = b"IEND\xaeB`\x82"  # the end of a complete PNG file
PATIENCE = 20  # failed images in a row, after which the pipeline is at fault
LONGEST = 200  # characters of a reason


def generate_set(study: Study, name: str, say: Callable[[str], None] = print) -> pd.DataFrame:
    """Make the shards of a set that are missing, join all, and return the manifest."""
    pipeline = None
    for shard in study.shard_names(name):
        if made(study, name, shard):
            continue
        if pipeline is None:  # loaded only if there is something to make
            pipeline = load_pipeline(study, study.generated_set(name))
        generate_shard(study, name, shard, say, pipeline)
    return join_shards(study, name)


def generate_shard(
    study: Study,
    name: str,
    shard: str,
    say: Callable[[str], None] = print,
    pipeline: Any = None,
) -> pd.DataFrame:
    """Make the images of a shard that are missing, write its table and return it.

    An image that cannot be made has the reason in `status`, and is tried again the next time.

    Raises
    ------
    StudyError
        If there is no such set or shard.
    CoodError
        If the pipeline cannot be loaded, or makes no image at all.
    """
    settings, folder = study.generated_set(name), study.paths.manifest(name).parent
    rows = planned(study, name, shard)
    marks = [f"{r.recipe} {r.seed} {r.prompt}" for r in rows.itertuples()]
    files = [folder / image for image in rows["image"]]
    missing = [not finished(file, mark) for file, mark in zip(files, marks, strict=True)]
    say(f"{name}, shard {shard}: {sum(missing):,} of {len(rows):,} images to make")
    rows = rows.assign(status=KEPT)
    if any(missing):
        if pipeline is None:
            pipeline = load_pipeline(study, settings)
        progress = Progress(f"{name}, shard {shard}", sum(missing), say)
        rows["status"] = _make(pipeline, settings, rows, files, marks, missing, progress)
    sizes = [
        file.stat().st_size if status == KEPT else 0
        for file, status in zip(files, rows["status"], strict=True)
    ]
    table = rows.assign(bytes=sizes)
    write_table(table, study.paths.shard(name, shard))
    return table


def load_pipeline(study: Study, settings: DiffusionSet) -> Any:
    """Load the pipeline of a set, on the GPU if there is one.

    Weights are read from safetensors only, and no code of a repository is run.

    Raises
    ------
    CoodError
        If it cannot be loaded.
    """
    import diffusers
    import transformers

    source = settings.model
    if source.startswith(LOCAL):
        source = str(study.paths.root / Path(source.removeprefix(LOCAL)).expanduser())
    device = best_device()
    dtype = getattr(torch, settings.precision) if device.type != "cpu" else torch.float32
    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
    options = {"revision": settings.revision, "variant": settings.variant}
    try:
        if settings.model.startswith(LOCAL) and not Path(source).is_dir():
            raise FileNotFoundError("there is no such folder")
        with warnings.catch_warnings():
            # diffusers 0.42 passes an argument that huggingface_hub ignores with a warning.
            warnings.filterwarnings("ignore", "The `local_dir_use_symlinks`")
            pipeline = diffusers.AutoPipelineForText2Image.from_pretrained(
                source, dtype=dtype, use_safetensors=True, **options
            )
    except Exception as error:  # the libraries raise errors of many kinds
        reason = _reason(error)
        raise CoodError(f"generator {settings.model} cannot be loaded: {reason}") from error
    if settings.no_safety_checker and getattr(pipeline, "safety_checker", None) is not None:
        pipeline.safety_checker = None
    config = pipeline.scheduler.config
    if settings.spacing and "timestep_spacing" in config:
        pipeline.scheduler = type(pipeline.scheduler).from_config(
            config, timestep_spacing=settings.spacing
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)


def generate(
    pipeline: Any, prompts: Sequence[str], seeds: Sequence[int], settings: DiffusionSet
) -> list[np.ndarray | str]:
    """An image for each prompt and seed: pixels [height, width, 3], or why it was not made.

    If a batch fails, its images are tried one by one.
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
    except Exception as error:  # most often out of memory
        output, reason = None, " ".join(str(error).split())[:LONGEST] or type(error).__name__
    # Outside of the except block, as the error holds on to memory.
    if output is None and len(prompts) > 1:
        pairs = zip(prompts, seeds, strict=True)
        return [generate(pipeline, [prompt], [seed], settings)[0] for prompt, seed in pairs]
    if output is None:
        return [f"{FAILED}: {reason}"]
    flagged = getattr(output, "nsfw_content_detected", None) or [False] * len(prompts)
    images: list[np.ndarray | str] = []
    for pixels, unsafe in zip(output.images.float().cpu(), flagged, strict=True):
        if unsafe:
            images.append("unsafe: by the safety checker of the pipeline")
        elif not bool(pixels.isfinite().all()):
            images.append(f"{FAILED}: pixels that are not finite; another `precision` may help")
        else:
            images.append((pixels.permute(1, 2, 0) * 255).round().clamp(0, 255).byte().numpy())
    return images


def _make(
    pipeline: Any,
    settings: DiffusionSet,
    rows: pd.DataFrame,
    files: Sequence[Path],
    marks: Sequence[str],
    missing: Sequence[bool],
    progress: Progress,
) -> list[str]:
    """Make and save the missing images of a shard; the status of every image."""
    statuses, failed = [KEPT] * len(rows), 0
    batch = settings.batch if pipeline.device.type != "cpu" else 1
    for start in range(0, len(rows), batch):
        part = rows.iloc[start : start + batch]
        todo = [k for k in range(len(part)) if missing[start + k]]
        if not todo:
            continue
        # The whole batch, so that its images are what they would have been without the stop.
        images = generate(pipeline, part["prompt"].tolist(), part["seed"].tolist(), settings)
        for k in todo:
            pixels = images[k]
            if isinstance(pixels, str):
                statuses[start + k] = pixels
                failed = failed + 1 if pixels.startswith(FAILED) else 0
            else:
                _save(pixels, files[start + k], marks[start + k])
                failed = 0
        if failed >= PATIENCE or all(status.startswith(FAILED) for status in statuses):
            raise CoodError(
                f"generator {settings.model}: {failed} images in a row could not be made; the last "
                f"one {statuses[start + todo[-1]]}"
            )
        progress.add(len(todo))
    return statuses


def finished(path: Path, mark: str) -> bool:
    """Whether there is a complete PNG file with this mark."""
    try:
        with path.open("rb") as file:
            file.seek(-len(END), 2)
            whole = file.read() == END
        with Image.open(path) as picture:
            return whole and picture.info.get(MARK) == mark
    except OSError:
        return False


def _reason(error: BaseException) -> str:
    # diffusers reports a missing file for any error of the hub; the innermost error is the cause.
    last = error
    while (inner := last.__cause__ or last.__context__) is not None:
        last = inner
    return ": ".join(dict.fromkeys(" ".join(str(e).split()) for e in (error, last)))


def _save(pixels: np.ndarray, path: Path, mark: str) -> None:
    about = PngInfo()
    about.add_itxt(MARK, mark)
    with atomic(path) as temporary:
        Image.fromarray(pixels).save(temporary, format="png", pnginfo=about, compress_level=1)
