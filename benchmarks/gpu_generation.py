"""Generating and saving images, against the UNet and the decoder alone, for `benchmarks.gpu`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu_models import sdxl
from benchmarks.gpu_rows import Row, Sizes, median_seconds, ratio, synchronise
from cood.settings import DiffusionSet
from cood.settings.study_file import Study, parse_study
from cood.synthesis.generation.diffusion import generate, generate_shard
from cood.vocabulary import ATTRIBUTES

EACH = 2  # images of a composition
GOAL = 0.85
FACTOR = 8  # pixels a side of an image for one of its latents


def rows(folder: Path, sizes: Sizes, device: torch.device, tiny: bool, cores: int) -> Iterator[Row]:
    """Images a second that are generated and saved, SDXL at one step."""
    side = 64 if tiny else sizes.side
    dtype = torch.float16 if device.type == "cuda" else torch.float32
    pipeline = sdxl(device, dtype, tiny)
    bare = _bare(pipeline, sizes.batch, side, device, dtype)
    yield Row(
        f"UNet and decoder of SDXL, {sizes.batch} images of {side} px",
        f"{sizes.batch / sum(bare.values()):,.0f} images/s",
        "; ".join(f"{name} {sizes.batch / seconds:,.0f}" for name, seconds in bare.items()),
    )
    with _project(folder):
        _generate(study_of("warm", 2 * sizes.batch, sizes.batch, side), pipeline, cores)
        study = study_of("timed", sizes.batch * sizes.batches, sizes.batch, side)
        start = time.perf_counter()
        files = _generate(study, pipeline, cores)
        synchronise()
        rate = len(files) / (time.perf_counter() - start)
        settings = study.generated_set("sdxl")
    unsaved = _unsaved(pipeline, settings, sizes)
    steady = _steady(pipeline, sizes, side, device, dtype)
    kilobytes = sum(file.stat().st_size for file in files) / len(files) / 1e3
    note = (
        f"{len(files):,} files of {kilobytes:,.0f} kB, prompts encoded, drained at the end; "
        f"without files {unsaved:,.0f} images/s"
    )
    alone = sizes.batch / sum(bare.values())
    yield ratio(
        "generate and save, SDXL, one step", "images/s", rate, alone, "both alone", GOAL, note
    )
    yield ratio(
        "the same, compared with as many batches of both without a pause",
        "images/s",
        rate,
        steady,
        "both alone",
        GOAL,
        "a card that is warm is slower than in the moments of the row before",
    )


@torch.inference_mode()
def _steady(
    pipeline: Any, sizes: Sizes, side: int, device: torch.device, dtype: torch.dtype
) -> float:
    """Images a second of UNet and decoder alone, over as many batches as are generated."""
    both = _parts(pipeline, sizes.batch, side, device, dtype)
    synchronise()
    start = time.perf_counter()
    for _ in range(sizes.batches):
        for part in both.values():
            part()
    synchronise()
    return sizes.batches * sizes.batch / (time.perf_counter() - start)


def _unsaved(pipeline: Any, settings: DiffusionSet, sizes: Sizes) -> float:
    """Images a second that are generated and sent to the host, but not written."""
    start, coming = time.perf_counter(), []
    for number in range(sizes.batches):
        seeds = list(range(number * sizes.batch, (number + 1) * sizes.batch))
        coming = generate(pipeline, ["red apple"] * sizes.batch, seeds, settings)
    for image in coming:
        image()
    return sizes.batches * sizes.batch / (time.perf_counter() - start)


@torch.inference_mode()
def _bare(
    pipeline: Any, batch: int, side: int, device: torch.device, dtype: torch.dtype
) -> dict[str, float]:
    """Seconds of the UNet and of the decoder for a batch."""
    both = _parts(pipeline, batch, side, device, dtype)
    return {name: median_seconds(part, 5, 2) for name, part in both.items()}


def _parts(
    pipeline: Any, batch: int, side: int, device: torch.device, dtype: torch.dtype
) -> dict[str, Callable[[], Any]]:
    """The UNet and the decoder, to be called for a batch."""
    made: dict[str, Any] = {"device": device, "dtype": dtype}
    latent = side // FACTOR
    width = pipeline.unet.config.cross_attention_dim
    pooled = pipeline.text_encoder_2.config.projection_dim
    latents = torch.randn(batch, 4, latent, latent, **made)
    texts = torch.randn(batch, 77, width, **made)
    more = {
        "text_embeds": torch.randn(batch, pooled, **made),
        "time_ids": torch.full((batch, 6), float(side), **made),
    }
    step = torch.tensor(999, device=device)

    def unet() -> Any:
        return pipeline.unet(latents, step, texts, added_cond_kwargs=more, return_dict=False)

    def decoder() -> Any:
        return pipeline.vae.decode(latents, return_dict=False)

    return {"UNet": unet, "decoder": decoder}


@contextmanager
def _project(folder: Path) -> Iterator[None]:
    """Make the folder a project, and for a while the current folder: studies write below it."""
    (folder / "workflow").mkdir(parents=True, exist_ok=True)
    (folder / "workflow" / "Snakefile").touch()
    with chdir(folder):
        yield


def study_of(name: str, images: int, batch: int, side: int) -> Study:
    """A study that generates so many images in one shard."""
    attributes = [word for words in ATTRIBUTES.values() for word in words][:2]
    objects = [f"object {number}" for number in range(max(2, images // EACH // 2))]
    words = {"attributes": attributes, "objects": objects}
    set_ = {
        "source": "diffusion",
        "model": "local-dir:random",
        "images_per_composition": EACH,
        "size": side,
        "batch": batch,
        "shard": images // EACH,
    }
    settings = {"name": name, "seed": 0, "vocabulary": words, "core": 0.2, "sets": {"sdxl": set_}}
    models = {"any": {"checkpoint": "ViT-B-32/laion2b_s34b_b79k"}}
    return parse_study({**settings, "models": models, "notebooks": {}}, "benchmarks")


def _generate(study: Study, pipeline: Any, cores: int) -> list[Path]:
    """Generate the first shard of a study; its files."""
    table = generate_shard(study, "sdxl", "0", lambda text: None, pipeline, cores)
    folder = study.paths.manifest("sdxl").parent
    bad = table.loc[table["status"] != "kept", "status"]
    if len(bad):
        raise RuntimeError(f"{len(bad)} of {len(table)} images were not made: {bad.iloc[0]}")
    return [folder / name for name in table["image"]]
