"""Models of the true architectures with random weights, and photographs, for `benchmarks.gpu`."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

# Variation of neighbouring pixels with which a file of 512 pixels a side has 560 kB, as images of
# a generator have.
GRAIN = 6.0
PATCHES_OF_LIGHT = 8  # a side, blown up to the whole image
TINY_CLIP = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "patch_size": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}

# The configurations of stabilityai/sdxl-turbo, but for `force_upcast`: its decoder overflows in
# half precision, and decoders with other weights do not.
SDXL_UNET = {
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "attention_head_dim": [5, 10, 20],
    "block_out_channels": [320, 640, 1280],
    "cross_attention_dim": 2048,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "layers_per_block": 2,
    "projection_class_embeddings_input_dim": 2816,
    "sample_size": 64,
    "transformer_layers_per_block": [1, 2, 10],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "use_linear_projection": True,
}
SDXL_VAE = {
    "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "layers_per_block": 2,
    "latent_channels": 4,
    "sample_size": 512,
    "scaling_factor": 0.13025,
    "force_upcast": False,
}
SDXL_TEXT = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12}
SDXL_TEXT_2 = {"hidden_size": 1280, "num_hidden_layers": 32, "num_attention_heads": 20}
TINY_UNET = SDXL_UNET | {
    "addition_time_embed_dim": 8,
    "attention_head_dim": [2, 2, 4],
    "block_out_channels": [8, 8, 16],
    "cross_attention_dim": 48,
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "projection_class_embeddings_input_dim": 6 * 8 + 32,
    "transformer_layers_per_block": [1, 1, 1],
}
TINY_VAE = SDXL_VAE | {
    "block_out_channels": [4, 4, 8, 8],
    "layers_per_block": 1,
    "norm_num_groups": 4,
}
TINY_TEXT = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
TINY_TEXT_2 = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}


def clip_of(architecture: str, device: Any) -> Any:
    """A CLIP of an architecture of open_clip, or a ``tiny`` one, made on the device."""
    import open_clip
    import torch

    from cood.models.clip import Clip, preprocessing_of

    if architecture == "tiny":
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "tiny.json"
            file.write_text(json.dumps(TINY_CLIP))
            open_clip.add_model_config(file)
    torch.manual_seed(0)
    with torch.device(device):  # a large one would take a minute to fill on a core
        model: Any = open_clip.create_model(architecture, device=device, pretrained_text=False)
    config = open_clip.get_model_config(architecture)
    tokenize = open_clip.get_tokenizer(architecture)
    return Clip(architecture, model.eval(), preprocessing_of(model), tokenize, config)


def sdxl(device: Any, dtype: Any, tiny: bool) -> Any:
    """A pipeline of the architecture of SDXL with random weights, or a tiny one of its parts."""
    import torch
    from diffusers import (
        AutoencoderKL,
        EulerAncestralDiscreteScheduler,
        StableDiffusionXLPipeline,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    def text(sizes: dict[str, int]) -> Any:
        width = sizes["hidden_size"]
        more = {"intermediate_size": 4 * width, "projection_dim": width}
        return CLIPTextConfig(**sizes, **more)

    tokenizer = _tokenizer()
    torch.manual_seed(0)
    with torch.device(device):
        parts = {
            "unet": UNet2DConditionModel(**(TINY_UNET if tiny else SDXL_UNET)),
            "vae": AutoencoderKL(**(TINY_VAE if tiny else SDXL_VAE)),
            "text_encoder": CLIPTextModel(text(TINY_TEXT if tiny else SDXL_TEXT)),
            "text_encoder_2": CLIPTextModelWithProjection(
                text(TINY_TEXT_2 if tiny else SDXL_TEXT_2)
            ),
        }
    pipeline = StableDiffusionXLPipeline(
        **{name: part.eval() for name, part in parts.items()},
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        scheduler=EulerAncestralDiscreteScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            timestep_spacing="trailing",
        ),
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device, dtype)


def _tokenizer() -> Any:
    """The tokeniser of CLIP for transformers, with the words that open_clip comes with."""
    from open_clip.tokenizer import SimpleTokenizer
    from transformers import CLIPTokenizer

    plain: Any = SimpleTokenizer()
    names = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}
    words = {names.get(word, word): number for word, number in plain.encoder.items()}
    with tempfile.TemporaryDirectory() as folder:
        vocabulary, merges = Path(folder) / "vocab.json", Path(folder) / "merges.txt"
        vocabulary.write_text(json.dumps(words))
        pairs = (" ".join(pair) for pair in plain.bpe_ranks)
        merges.write_text("\n".join(["#version: 0.2", *pairs]) + "\n")
        return CLIPTokenizer(str(vocabulary), str(merges), model_max_length=77)


def photo(number: int, side: int) -> np.ndarray:
    """An image [side, side, 3] with large areas of colour and grain, and no two alike."""
    rng = np.random.default_rng(number)
    areas = rng.integers(0, 256, (PATCHES_OF_LIGHT, PATCHES_OF_LIGHT, 3), dtype=np.uint8)
    light = Image.fromarray(areas).resize((side, side), Image.Resampling.BICUBIC)
    grain = GRAIN * rng.standard_normal((side, side, 3), dtype=np.float32)
    return (np.asarray(light) + grain).clip(0, 255).astype(np.uint8)


def write_photos(folder: Path, count: int, side: int, processes: int) -> list[str]:
    """Write PNG files with the grain of photographs, and give their names."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{number}.png" for number in range(count)]
    in_processes(partial(_write_photo, folder, side), names, processes)
    return names


def _write_photo(folder: Path, side: int, name: str) -> None:
    image = Image.fromarray(photo(int(Path(name).stem), side))
    image.save(folder / name, compress_level=1)


def in_processes(work: Callable[[Any], Any], items: list[Any], processes: int) -> list[Any]:
    """Do the work for each of the items in so many new processes."""
    # Forked, they need not import torch again; they never touch the GPU.
    method = get_context("fork" if sys.platform == "linux" else None)
    with ProcessPoolExecutor(processes, method) as pool:
        return list(pool.map(work, items, chunksize=max(1, len(items) // (4 * processes))))
