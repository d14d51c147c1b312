"""Embedding class texts: batched over classes and cut to the longest prompt, or plainly."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import open_clip

from cood.evaluation.embed.texts import embed_texts
from cood.models.clip import Clip
from cood.vocabulary import TEMPLATES

ARCHITECTURE = "ViT-B-32"
CLASSES = open_clip.IMAGENET_CLASSNAMES[:12]


def rows() -> Iterator[tuple[str, str, str, str]]:
    """Time of a prompt ensemble by the text tower of ViT-B-32 (random weights)."""
    model = open_clip.create_model(ARCHITECTURE).eval()
    config = open_clip.get_model_config(ARCHITECTURE)
    tokenize = open_clip.get_tokenizer(ARCHITECTURE)
    clip = Clip(ARCHITECTURE, model, lambda image: image, tokenize, config)
    seconds, texts = {}, {}
    for name, names, shorten in (
        ("cut and batched", [CLASSES], True),
        ("batched, 77 tokens", [CLASSES], False),
        ("a forward a class, 77 tokens", [[c] for c in CLASSES], False),
    ):
        start = time.perf_counter()
        parts = [embed_texts(clip, part, TEMPLATES, shorten=shorten) for part in names]
        seconds[name], texts[name] = time.perf_counter() - start, np.concatenate(parts)
    fast, *plain = seconds
    for name in plain:
        apart = float(np.abs(texts[fast] - texts[name]).max())
        yield (
            f"embed {len(CLASSES)} classes x {len(TEMPLATES)} templates, {fast}",
            f"{seconds[fast]:.2f} s",
            f"{name}: {seconds[name]:.2f} s, values differ by at most {apart:.0e}",
            f"{seconds[name] / seconds[fast]:.1f}",
        )
