"""Loading a CLIP model, its preprocessing and its tokeniser, from any source."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile, is_zipfile

import open_clip
import torch
from open_clip.pretrained import get_pretrained_cfg

from cood.catalogue.checkpoints import refusal
from cood.catalogue.sources import FILE, HUB, LOCAL, is_bare, local_source, prefix_of
from cood.devices import best_device
from cood.errors import CoodError, unknown
from cood.models.clip import Clip, preprocessing_of
from cood.models.file_names import CLIP_CONFIG
from cood.models.folders import (
    load_folder,
    loading_errors,
    open_clip_model,
    quiet,
    tokeniser_and_config,
)
from cood.models.hub import fetch, fetch_tokeniser, fetch_weights
from cood.models.small_clip import register
from cood.models.zoo import towers_of


def load(
    source: str,
    device: torch.device | None = None,
    architecture: str | None = None,
    say: Callable[[str], None] = print,
) -> Clip:
    """Load a trained model with open_clip.

    No code that comes with the weights is run: they are safetensors, pickles of tensors alone, or
    TorchScript archives, of which only the tensors are read.

    Parameters
    ----------
    source
        ``ARCHITECTURE/TAG`` as in `open_clip.list_pretrained()`; ``hf-hub:ORG/REPO``, or
        ``hf-hub:ORG/REPO@REVISION``, of a repository with `open_clip_config.json` and weights;
        ``local-dir:PATH`` of a folder with the same; ``file:PATH`` of weights alone (safetensors,
        a state dict of torch, or a TorchScript archive like those of OpenAI).
    device
        The GPU if there is one by default.
    architecture
        For ``file:``, an architecture of open_clip, or ``ARCHITECTURE/TAG`` for the preprocessing
        of that checkpoint; or that of a small CLIP, as ``resnet-causal-64-softmax``.
    say
        Called before a download is tried again.

    Raises
    ------
    CoodError
        If there is no such model, its weights cannot be loaded, or they would run code.
    """
    quiet()
    reason = refusal(architecture or source, in_a_file=is_bare(source))
    if reason:
        raise CoodError(reason)
    with loading_errors(source):
        clip = LOADERS[prefix_of(source)](source, device or best_device(), architecture or "", say)
    clip.model.eval()
    return clip


def _from_folder(
    source: str, device: torch.device, architecture: str, say: Callable[[str], None]
) -> Clip:
    return load_folder(Path(source.removeprefix(LOCAL)), device)


def _from_open_clip(
    source: str, device: torch.device, architecture: str, say: Callable[[str], None]
) -> Clip:
    checkpoints = ["/".join(pair) for pair in open_clip.list_pretrained()]
    if source not in checkpoints:
        raise CoodError(unknown("checkpoint", source, checkpoints))
    name, _, tag = source.partition("/")
    preprocessing = get_pretrained_cfg(name, tag)
    repo, _, file = preprocessing["hf_hub"].rpartition("/")
    weights = fetch(repo, file, say=say) if file else fetch_weights(repo, say=say)
    model, preprocess = open_clip_model(name, device, str(weights), preprocessing)
    texts = tokeniser_and_config(name)
    return Clip(source, model, preprocess, *texts, revision=weights.parent.name)


def _from_file(
    source: str, device: torch.device, architecture: str, say: Callable[[str], None]
) -> Clip:
    name, _, tag = architecture.partition("/")
    small = towers_of(architecture)
    if small is not None:
        register(small)
    weights = Path(source.removeprefix(FILE))
    architectures = open_clip.list_models()
    if name not in architectures:
        raise CoodError(unknown("architecture", name, architectures))
    preprocessing = get_pretrained_cfg(name, tag)
    if tag and not preprocessing:
        raise CoodError(unknown("tag", tag, open_clip.list_pretrained_tags_by_model(name)))
    if not weights.is_file():
        raise CoodError(f"{weights} does not exist; correct the path after {FILE}")
    if _torchscript(weights):
        model = _from_torchscript(name, weights, device, preprocessing)
        preprocess = preprocessing_of(model)
    else:
        model, preprocess = open_clip_model(name, device, str(weights), preprocessing)
    return Clip(source, model, preprocess, *tokeniser_and_config(name))


def _from_hub(
    source: str, device: torch.device, architecture: str, say: Callable[[str], None]
) -> Clip:
    repo, _, revision = source.removeprefix(HUB).partition("@")
    folder = local_source(fetch(repo, CLIP_CONFIG, revision or None, say).parent)
    commit = fetch_weights(repo, revision or None, say).parent
    tokeniser = folder
    if open_clip.get_model_config(folder)["text_cfg"].get("hf_tokenizer_name"):
        fetch_tokeniser(repo, revision or None)
        if not (commit / "tokenizer_config.json").is_file():  # it is in another repository
            tokeniser = f"{HUB}{repo}"
    model, preprocess = open_clip_model(folder, device)
    texts = tokeniser_and_config(folder, tokeniser)
    return Clip(source, model, preprocess, *texts, revision=commit.name)


def _torchscript(file: Path) -> bool:
    if not is_zipfile(file):
        return False
    with ZipFile(file) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _from_torchscript(
    name: str, file: Path, device: torch.device, preprocessing: dict[str, Any]
) -> torch.nn.Module:
    with warnings.catch_warnings():  # torch deprecates the format, but OpenAI's files have it
        warnings.simplefilter("ignore", FutureWarning)
        tensors = torch.jit.load(file, map_location="cpu").state_dict()
    tensors.pop("attn_mask", None)  # of archives that open_clip traced; the model has its own
    # Numbers that only the archives of OpenAI hold among the weights; its models have QuickGELU.
    marks = [tensors.pop(key, None) for key in ("input_resolution", "context_length", "vocab_size")]
    quick = open_clip.get_model_config(name).get("quick_gelu", False)
    if any(mark is not None for mark in marks) and not quick:
        raise CoodError(
            f"{file} is an archive of OpenAI, whose models have QuickGELU, but {name} has plain "
            f"GELU; use architecture {name}-quickgelu"
        )
    model = open_clip.create_model(
        name, device=device, force_preprocess_cfg=preprocessing, pretrained_text=False
    )
    model.load_state_dict(tensors)
    return model


# By prefix of the source. Each takes the source, the device, the architecture that the study gives
# (empty if none), and what is called before a download is tried again.
Loader = Callable[[str, torch.device, str, Callable[[str], None]], Clip]
LOADERS: dict[str, Loader] = {
    "": _from_open_clip,
    HUB: _from_hub,
    LOCAL: _from_folder,
    FILE: _from_file,
}
