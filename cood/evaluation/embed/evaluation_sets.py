"""Embedding the images of a set and the texts of a vocabulary, once per model and set."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from cood.catalogue.checkpoints import sizes
from cood.catalogue.sources import FILE, LOCAL, local_source
from cood.errors import CoodError
from cood.evaluation.accuracy.zero_shot import ablated
from cood.files import write_tensors
from cood.models.clip import Clip, ImageEncoder, text_tower
from cood.models.loading import load
from cood.models.null_models import null_model
from cood.settings import Checkpoint, NullModel
from cood.settings.study_file import Study
from cood.synthesis.image_files import load_image
from cood.synthesis.manifests import read_isolated, read_manifest
from cood.vocabulary import ANY_OBJECT

IMAGE_BATCH = 256
TEXT_BATCH = 512
USUAL = ""  # no ablation can have this name


def embed_set(
    study: Study, model: str, set_: str, say: Callable[[str], None] = print, readers: int = 1
) -> None:
    """Embed a set's images and the study's texts with one model and write the result.

    `readers` threads read the images; the result does not depend on their number.

    Written, un-normalised float32: `images` [n, d] in the order of the manifest, and the texts
    of `compositions` [C, d], `attributes` [A, d] and `objects` [O, d], averaged over templates.
    `isolated_attributes` [A, d] and `isolated_objects` [O, d] are averages over the images that
    show the word alone; they are left out where some word has none. The compositions are there
    once more for each of the study's ablations, named by `cood.evaluation.accuracy.zero_shot.ablated`. Of an
    ID set, there are `images` and `objects` only: the classes that have an image. The metadata
    says which checkpoint, preprocessing, tokeniser, templates, manifest and table of isolated
    words.
    A checkpoint that cannot be had leaves a file without tensors that holds the reason.
    """
    path = study.paths.embeddings(model, set_)
    study.embedded_model(model)
    manifest = read_manifest(study, set_)
    clip = load_model(study, model, say)
    if isinstance(clip, str):
        write_tensors({}, path, {"missing": clip})
        return
    folder = study.paths.manifest(set_).parent
    say(f"{model}: embedding {len(manifest)} images of {set_}")
    images = embed_images(clip, folder, manifest["image"].tolist(), readers)
    words, templates = study.words, study.evaluation.templates
    if set_ in study.id_sets:
        # In the order of the classes' numbers; two classes of one name stay two.
        names = manifest.groupby("class")["object"].first().tolist()
        tensors = {"images": images, "objects": embed_texts(clip, names, templates)}
        metadata = describe(clip, model, manifest) | {"templates": json.dumps(templates)}
        write_tensors(tensors, path, metadata)
        return
    ablations = study.ablations
    read = embed_with(clip, words.compositions(), {USUAL: templates, **ablations})
    tensors = {
        "images": images,
        "compositions": read.pop(USUAL),
        **{ablated(name): texts for name, texts in read.items()},
        "attributes": embed_texts(clip, [f"{a} {ANY_OBJECT}" for a in words.attributes], templates),
        "objects": embed_texts(clip, words.objects, templates),
    }
    metadata = describe(clip, model, manifest) | {"templates": json.dumps(templates)}
    metadata["ablations"] = json.dumps(ablations)
    isolated = read_isolated(study, set_)
    if isolated is not None:
        alone = embed_images(clip, folder, isolated["image"].tolist(), readers)
        for kind, known in (("attribute", words.attributes), ("object", words.objects)):
            tensors[f"isolated_{kind}s"] = average(alone, isolated[kind], known)
        metadata["isolated"] = hash_of(isolated)
    write_tensors(tensors, path, metadata)


def load_model(study: Study, model: str, say: Callable[[str], None]) -> Clip | str:
    """A model of the study, or the reason why a checkpoint cannot be had."""
    settings = study.embedded.get(model)
    if not isinstance(settings, Checkpoint | NullModel):
        return load(local_source(study.paths.model(model)))
    try:
        if isinstance(settings, NullModel):
            return null_model(settings)
        return load(settings.checkpoint, architecture=settings.architecture, say=say)
    except CoodError as error:
        say(f"{model}: left out: {error}")
        return str(error)


def describe(clip: Clip, model: str, manifest: pd.DataFrame) -> dict[str, str]:
    """What embeddings were made with: checkpoint, preprocessing, tokeniser, manifest, sizes.

    A model from a folder or a file goes by its name in the study, not by its place.
    """
    text = clip.config["text_cfg"]
    tokeniser = [type(clip.tokenize).__name__, text.get("hf_tokenizer_name", "")]
    return {
        "checkpoint": model if clip.source.startswith((LOCAL, FILE)) else clip.source,
        "revision": clip.revision,
        "preprocessing": str(clip.preprocess),
        "tokeniser": " ".join(filter(None, tokeniser)),
        "manifest": hash_of(manifest),
        "parameters": str(sum(p.numel() for p in clip.model.parameters())),
        **{key: str(value) for key, value in sizes(clip.config).items()},
    }


def embed_images(
    encoder: ImageEncoder, folder: Path, images: Sequence[str], readers: int = 1
) -> np.ndarray:
    """Un-normalised float32 embeddings [n, d] of the image files `images` in `folder`.

    `readers` threads open and preprocess the images of the next batch while one is embedded.
    """
    return np.concatenate(
        [embed_pixels(encoder, batch) for batch in _read(encoder, folder, images, readers)]
    )


def _read(
    encoder: ImageEncoder, folder: Path, images: Sequence[str], readers: int
) -> Iterator[torch.Tensor]:
    """Batches of preprocessed images [n, 3, size, size], in order; two at most are in memory."""

    def read(name: str) -> torch.Tensor:
        return encoder.preprocess(load_image(folder, name))

    # Threads are enough, as Pillow and torch release Python's lock; processes would need shared
    # memory, of which containers and clusters often give little.
    pool = ThreadPoolExecutor(readers)
    try:
        ahead: deque[list[Future[torch.Tensor]]] = deque()
        for names in _batches(images, IMAGE_BATCH):
            ahead.append([pool.submit(read, name) for name in names])
            if len(ahead) > 1:
                yield torch.stack([image.result() for image in ahead.popleft()])
        while ahead:
            yield torch.stack([image.result() for image in ahead.popleft()])
    finally:
        pool.shutdown(cancel_futures=True)


@torch.inference_mode()
def embed_pixels(encoder: ImageEncoder, pixels: torch.Tensor) -> np.ndarray:
    """Un-normalised float32 embeddings [n, d] of preprocessed images [n, 3, size, size].

    In the precision that the weights are in, single for all that is loaded here: half precision
    would be faster on a GPU, and its embeddings others on each kind of it.
    """
    parts = [encoder.encode_image(_moved(encoder, part)) for part in pixels.split(IMAGE_BATCH)]
    return torch.cat(parts).float().cpu().numpy()


def _moved(encoder: ImageEncoder, pixels: torch.Tensor) -> torch.Tensor:
    if encoder.device.type == "cuda":
        # Out of memory that the GPU may read by itself: twice as fast.
        return pixels.pin_memory().to(encoder.device, non_blocking=True)
    return pixels.to(encoder.device)


def average(images: np.ndarray, shown: pd.Series, words: Sequence[str]) -> np.ndarray:
    """Mean of the unit embeddings of each word's images, as texts are averaged over templates.

    Parameters
    ----------
    images
        Embeddings [n, d].
    shown
        Word [n] that each image shows; rows of other words are left out.
    words
        The words; each must be shown at least once.

    Returns
    -------
    ndarray of float32, shape (len(words), d)
        Un-normalised: its length says how much the images of a word agree.
    """
    unit = torch.nn.functional.normalize(torch.from_numpy(images), dim=-1).numpy()
    return np.stack([unit[(shown == word).to_numpy()].mean(axis=0) for word in words])


def embed_texts(
    clip: Clip, names: Sequence[str], templates: Sequence[str], *, shorten: bool = True
) -> np.ndarray:
    """Prompt ensemble: mean over templates of the unit embeddings of each name, [n, d] float32.

    See `embed_with`.
    """
    return embed_with(clip, names, {USUAL: templates}, shorten=shorten)[USUAL]


@torch.inference_mode()
def embed_with(
    clip: Clip,
    names: Sequence[str],
    ensembles: Mapping[str, Sequence[str]],
    *,
    shorten: bool = True,
) -> dict[str, np.ndarray]:
    """Several prompt ensembles of the same names, as `embed_texts` gives them, by their key.

    A template that is in several of them is read once. Prompts of many names go through the text
    tower in one batch, and are averaged before the next one, so that memory holds the averages
    only. For causal text towers that read the end token, the context is cut to the longest prompt
    of the batch (`shorten`), which changes no embedding; for others it is left whole.
    """
    model: Any = clip.model
    templates = list(dict.fromkeys(t for ensemble in ensembles.values() for t in ensemble))
    places = {key: [templates.index(t) for t in some] for key, some in ensembles.items()}
    parts: dict[str, list[np.ndarray]] = {key: [] for key in ensembles}
    for some in _batches(names, max(1, TEXT_BATCH // len(templates))):
        tokens = clip.tokenize([template.format(name) for name in some for template in templates])
        length = tokens.shape[1]
        if shorten and clip.causal_text:
            length = int(tokens.argmax(dim=1).max()) + 1  # the end token has the highest number
        with _context(model, length):
            texts = model.encode_text(tokens[:, :length].to(clip.device)).float()
        unit = torch.nn.functional.normalize(texts, dim=-1)
        unit = unit.reshape(len(some), len(templates), -1)
        for key, place in places.items():
            parts[key].append(unit[:, place].mean(dim=1).cpu().numpy())
    return {key: np.concatenate(found) for key, found in parts.items()}


@contextmanager
def _context(model: Any, length: int) -> Iterator[None]:
    """Let a text tower take `length` tokens; open_clip's towers insist on their full context."""
    tower = text_tower(model)
    if length == getattr(tower, "context_length", length):
        yield
        return
    position, mask = tower.positional_embedding, tower.attn_mask
    tower.positional_embedding = torch.nn.Parameter(position[:length], requires_grad=False)
    tower.attn_mask = mask[:length, :length]
    try:
        yield
    finally:
        tower.positional_embedding, tower.attn_mask = position, mask


def hash_of(table: pd.DataFrame) -> str:
    """A hash of the content of a table."""
    return hashlib.sha256(table.to_csv(index=False).encode()).hexdigest()


def _batches(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
