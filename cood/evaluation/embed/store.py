"""Embeddings of images, kept by the content of the image for sets that are verified.

With another threshold, the verification keeps other images. Those that a model has embedded before
are taken from its store, which only ever grows; the others are embedded and added. A store belongs
to one maker: weights, architecture, preprocessing, precision and code. That of another is replaced.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from cood.errors import ArtefactError
from cood.evaluation.common.half_precision import packed, unpacked
from cood.evaluation.embed.precision import HALF
from cood.files import read_tensors, write_tensors
from cood.models.clip import Clip
from cood.models.image_encoders import ImageOnlyEncoder

KEYS, VALUES = "keys", "values"  # tensors: SHA-256 of images [n, 32], and embeddings [n, d]


def embed_new(
    path: Path,
    maker: Mapping[str, str],
    hashes: Sequence[str],
    embed: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Embeddings [n, d] of images, of which only those that the store lacks are embedded.

    An image that is embedded together with others than before may differ in its last bits, as with
    any other batch.

    Parameters
    ----------
    path
        File of the store of a model and a set; written anew if something was embedded.
    maker
        What the embeddings are made with, as `maker_of` describes it.
    hashes
        SHA-256 of the content of each image [n], in hexadecimal.
    embed
        Gives the embeddings [k, d], float32, of images by their number [k]. It is not called with
        none, nor twice with images of one content.
    """
    keys, values = _read(path, maker)
    place = {key.tobytes(): row for row, key in enumerate(keys)}
    wanted = [bytes.fromhex(value) for value in hashes]
    first = {key: number for number, key in reversed(list(enumerate(wanted)))}
    new = sorted(number for key, number in first.items() if key not in place)
    if new:
        made = embed(np.array(new))
        place |= {wanted[number]: len(keys) + row for row, number in enumerate(new)}
        added = np.frombuffer(b"".join(wanted[number] for number in new), np.uint8).reshape(-1, 32)
        keys = np.concatenate([keys, added])
        values = np.concatenate([values, made]) if len(values) else made
        stored = packed(values) if maker["precision"] == HALF else values
        write_tensors({KEYS: keys, VALUES: stored}, path, maker)
    return values[[place[key] for key in wanted]]


def maker_of(encoder: Clip | ImageOnlyEncoder, precision: str, code: str) -> dict[str, str]:
    """What decides the embedding of an image, besides the image: it tells stores apart.

    Parameters
    ----------
    encoder
        A CLIP or an image-only encoder, on its device.
    precision
        ``half`` or ``single``.
    code
        Fingerprint of the code that embeds.
    """
    return {
        # The architecture too: the same weights may be used otherwise.
        "model": hashlib.sha256(_words(encoder.model).encode()).hexdigest(),
        "weights": weights_hash(encoder.model),
        "preprocessing": _words(encoder.preprocess),
        "precision": precision,
        "device": encoder.device.type,
        "code": code,
    }


def weights_hash(model: torch.nn.Module) -> str:
    """SHA-256 of names, types, shapes and values of the weights of a model."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _words(thing: object) -> str:
    """How Python describes it, without places in memory, which differ between runs."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(thing))


def _read(path: Path, maker: Mapping[str, str]) -> tuple[np.ndarray, np.ndarray]:
    """Keys and values of a store; none if it is missing, damaged, or of another maker."""
    nothing = np.empty((0, 32), np.uint8), np.empty((0, 0), np.float32)
    if not path.is_file():
        return nothing
    try:
        tensors, metadata = read_tensors(path)
    except ArtefactError:  # it can be made again
        return nothing
    return (tensors[KEYS], unpacked(tensors[VALUES])) if metadata == dict(maker) else nothing
