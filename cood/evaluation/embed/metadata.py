"""What embeddings were made with, as the metadata of their file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch

from cood.catalogue.checkpoints import sizes
from cood.catalogue.sources import local_path
from cood.evaluation.common.half_precision import packed
from cood.evaluation.embed.precision import HALF
from cood.models.clip import Clip
from cood.models.image_encoders import ImageOnlyEncoder


@dataclass(frozen=True)
class Embeddings:
    """What is written of one model and one set.

    Attributes
    ----------
    tensors
        Float32 arrays, by name.
    metadata
        What they were made with.
    """

    tensors: dict[str, np.ndarray]
    metadata: dict[str, str]

    @property
    def stored(self) -> dict[str, np.ndarray]:
        """The arrays as they are stored: float16 where they were computed in half precision."""
        if self.metadata.get("precision") != HALF:
            return self.tensors
        return {name: packed(values) for name, values in self.tensors.items()}

    def about(self, more: Mapping[str, str]) -> Embeddings:
        """The same with more metadata."""
        return replace(self, metadata={**self.metadata, **more})


def describe_clip(clip: Clip, model: str, manifest: pd.DataFrame) -> dict[str, str]:
    """Checkpoint, revision, preprocessing, tokeniser, manifest and sizes of a CLIP."""
    text = clip.config["text_cfg"]
    tokeniser = [type(clip.tokenize).__name__, text.get("hf_tokenizer_name", "")]
    return {
        "checkpoint": _checkpoint(clip.source, model),
        "revision": clip.revision,
        "preprocessing": str(clip.preprocess),
        "tokeniser": " ".join(filter(None, tokeniser)),
        "manifest": content_hash(manifest),
        "parameters": _parameters(clip.model),
        **{key: str(value) for key, value in sizes(clip.config).items()},
    }


def describe_notes(encoder: Clip | ImageOnlyEncoder, notes: Sequence[str] = ()) -> dict[str, str]:
    """What a reader of the scores must know, as a list in JSON; nothing if there are no notes."""
    every = [*encoder.notes, *notes]
    return {"notes": json.dumps(every)} if every else {}


def describe_image_encoder(
    encoder: ImageOnlyEncoder, name: str, manifest: pd.DataFrame
) -> dict[str, str]:
    """Checkpoint, revision, preprocessing, manifest and sizes of an image-only encoder."""
    return {
        "checkpoint": _checkpoint(encoder.source, name),
        "revision": encoder.revision,
        "preprocessing": " ".join(str(encoder.preprocess).split()),
        "manifest": content_hash(manifest),
        "parameters": _parameters(encoder.model),
        **{key: str(value) for key, value in encoder.sizes.items()},
    }


def content_hash(table: pd.DataFrame) -> str:
    """SHA-256 of the content of a table."""
    return hashlib.sha256(table.to_csv(index=False).encode()).hexdigest()


def _checkpoint(source: str, name: str) -> str:
    # A model from a folder or a file goes by its name in the study: paths differ between machines.
    return source if local_path(source) is None else name


def _parameters(model: torch.nn.Module) -> str:
    return str(sum(p.numel() for p in model.parameters()))
