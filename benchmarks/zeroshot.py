"""Zero-shot classification as a whole: time against CLIP_benchmark's way, and memory."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from PIL import Image

from cood.evaluation.common.nearest import nearest
from cood.evaluation.embed.images import embed_images
from cood.evaluation.embed.texts import embed_texts
from cood.models.clip import Clip
from cood.synthesis.image_files import load_image
from cood.vocabulary import ATTRIBUTES

IMAGES, CLASSES, TEMPLATES = 2000, 1200, ("a photo of a {}.", "a picture of a {}.", "a {}.")
LARGE = 20_000  # images, and classes
PEER = "a forward a class at full context, images in batches of 64, all logits kept"
CONFIG = {  # 22 million parameters
    "embed_dim": 256,
    "vision_cfg": {"image_size": 64, "layers": 6, "width": 256, "patch_size": 8},
    "text_cfg": {"width": 256, "heads": 4, "layers": 6},
}


def rows() -> Iterator[tuple[str, str, str, str]]:
    """Time and agreement with the peer, and the memory of many images and classes."""
    with tempfile.TemporaryDirectory(prefix="cood-") as name:
        folder = Path(name)
        clip = _random(CONFIG, folder)
        millions = sum(p.numel() for p in clip.model.parameters()) / 1e6
        images = _draw(folder, IMAGES, 64)
        start = time.process_time()
        texts = embed_texts(clip, _names(CLASSES), TEMPLATES, literal=True)
        found = nearest(embed_images(clip, folder, images), texts, 5)
        own = time.process_time() - start
        start = time.process_time()
        logits = _peer(clip, folder, images, _names(CLASSES))
        peer = time.process_time() - start
        best = logits.topk(5, dim=1).indices.numpy()
    yield (
        f"zero-shot, {IMAGES:,} images of 64 px, {CLASSES:,} classes x {len(TEMPLATES)} templates, "
        f"{millions:.0f} million parameters",
        f"{own:.1f} s; first answer the same for {(best[:, 0] == found[:, 0]).mean():.2%}, "
        f"all five for {(best == found).all(axis=1).mean():.2%}",
        f"{PEER}: {peer:.1f} s",
        f"{peer / own:.1f}",
    )
    # A process of its own: the peak of this one has been higher.
    peak = float(
        subprocess.run(
            [sys.executable, "-c", "from benchmarks.zeroshot import peak; print(peak())"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )
    whole = LARGE**2 * 4 / 1e9
    yield (
        f"zero-shot, {LARGE:,} images x {LARGE:,} classes",
        f"{peak:.2f} GB beyond the model",
        f"all similarities in single precision: {whole:.1f} GB",
        f"{whole / peak:.1f}",
    )


def peak() -> float:
    """Memory in GB that a large classification takes beyond the loaded model, at its peak."""
    torch.set_num_threads(1)
    small = {"embed_dim": 512, "vision_cfg": {"image_size": 32, "layers": 1, "width": 64}}
    small["vision_cfg"] |= {"patch_size": 16}
    small["text_cfg"] = {"width": 64, "heads": 1, "layers": 1}
    with tempfile.TemporaryDirectory(prefix="cood-") as name:
        folder = Path(name)
        clip = _random(small, folder)
        images = _draw(folder, 500, 32)
        embed_images(clip, folder, images[:256])  # what torch itself sets up when first used
        before = _memory("VmRSS")
        vectors = embed_images(clip, folder, images * (LARGE // len(images)))
        texts = embed_texts(clip, _names(LARGE), TEMPLATES)
        nearest(vectors, texts, 5)
        return _memory("VmHWM") - before


def _memory(which: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1e6 for line in lines if line.startswith(which))


def _names(n: int) -> list[str]:
    attributes = [name for names in ATTRIBUTES.values() for name in names]
    return [f"{attributes[i // 1000]} {open_clip.IMAGENET_CLASSNAMES[i % 1000]}" for i in range(n)]


def _random(config: dict[str, Any], folder: Path) -> Clip:
    """A CLIP with random weights."""
    file = folder / "random-clip.json"
    file.write_text(json.dumps(config))
    open_clip.add_model_config(file)
    torch.manual_seed(0)
    model, _, preprocess = open_clip.create_model_and_transforms("random-clip")
    tokenize = open_clip.get_tokenizer("random-clip")
    return Clip("random-clip", model.eval(), preprocess, tokenize, config)


def _draw(folder: Path, n: int, size: int) -> list[str]:
    rng = np.random.default_rng(0)
    for k in range(n):
        pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        picture = Image.fromarray(pixels).resize((size, size), Image.Resampling.BICUBIC)
        picture.save(folder / f"{k}.png", compress_level=1)
    return [f"{k}.png" for k in range(n)]


@torch.no_grad()
def _peer(clip: Clip, folder: Path, images: list[str], names: list[str]) -> torch.Tensor:
    """Logits [n, C] as clip_benchmark/metrics/zeroshot_classification.py (1.6) gets them."""
    model: Any = clip.model
    weights = []
    for name in names:
        tokens = clip.tokenize([template.format(name) for template in TEMPLATES])
        embedding = torch.nn.functional.normalize(model.encode_text(tokens), dim=-1).mean(dim=0)
        weights.append(embedding / embedding.norm())
    classifier = torch.stack(weights, dim=1)
    logits = []
    for start in range(0, len(images), 64):
        opened = [load_image(folder, name) for name in images[start : start + 64]]
        batch = torch.stack([clip.preprocess(image) for image in opened])
        unit = torch.nn.functional.normalize(model.encode_image(batch), dim=-1)
        logits.append(100.0 * unit @ classifier)
    return torch.cat(logits)
