"""Embeddings of earlier runs, kept by the content of what was embedded."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cood.errors import ArtefactError
from cood.files import read_tensors, write_tensors

IMAGES, TEXTS, NOTES = "images", "texts", "notes"


def default_folder() -> Path:
    """``cood/embeddings`` in the user's folder of caches (`XDG_CACHE_HOME`)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "cood" / "embeddings"


def digest(*parts: object) -> str:
    """Short name for what can be written as JSON."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


@dataclass(frozen=True)
class Kept:
    """The embeddings of one model in a folder: files of images, written part by part, and of texts.

    A file that a killed or a failing run damaged counts as missing.
    """

    folder: Path

    def images(self) -> dict[str, np.ndarray]:
        """Un-normalised embedding [d] of each image, by the SHA-256 of its file."""
        rows: dict[str, np.ndarray] = {}
        for path in sorted(self.folder.glob(f"{IMAGES}-*.safetensors")):
            tensors, metadata = _read(path)
            contents = metadata.get("contents", "").split()
            if IMAGES in tensors and len(contents) == len(tensors[IMAGES]):
                rows |= dict(zip(contents, tensors[IMAGES], strict=True))
        return rows

    def changes(self) -> dict[str, str]:
        """What changed the pixels of each image when it was decoded, by the SHA-256 of its file."""
        changes: dict[str, str] = {}
        for path in sorted(self.folder.glob(f"{IMAGES}-*.safetensors")):
            metadata = _read(path)[1]
            contents = metadata.get("contents", "").split()
            if contents:
                changes |= dict(zip(contents, json.loads(metadata["changes"]), strict=True))
        return changes

    def add_images(
        self, contents: Sequence[str], changes: Sequence[str], embeddings: np.ndarray
    ) -> None:
        """Keep embeddings [n, d] of n files, and what changed their pixels, by their SHA-256."""
        path = self.folder / f"{IMAGES}-{digest(*contents)}.safetensors"
        metadata = {"contents": " ".join(contents), "changes": json.dumps(list(changes))}
        write_tensors({IMAGES: embeddings}, path, metadata)

    def texts(self, key: str) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
        """Embeddings of the texts of a vocabulary, by name, and notes; empty if there are none."""
        tensors, metadata = _read(self._texts(key))
        return tensors, tuple(json.loads(metadata.get(NOTES, "[]")))

    def add_texts(
        self, key: str, tensors: Mapping[str, np.ndarray], notes: Sequence[str] = ()
    ) -> None:
        """Keep embeddings of the texts of a vocabulary, and notes on the model."""
        write_tensors(tensors, self._texts(key), {NOTES: json.dumps(notes)})

    def _texts(self, key: str) -> Path:
        return self.folder / f"{TEXTS}-{key}.safetensors"


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    try:
        return read_tensors(path)
    except ArtefactError:
        return {}, {}
