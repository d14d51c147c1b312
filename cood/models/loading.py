"""Loading a CLIP model, its preprocessing and its tokeniser, from any source."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import open_clip
import torch
from open_clip.pretrained import get_pretrained_cfg

from cood.catalogue.checkpoints import refusal
from cood.catalogue.sources import FILE, HUB, LOCAL, is_bare, local_source, path_of, prefix_of
from cood.devices import best_device
from cood.errors import CoodError, unknown
from cood.models.clip import Clip
from cood.models.file_names import CLIP_CONFIG
from cood.models.folders import (
    clip_of,
    load_folder,
    loading_errors,
    preprocessing_notes,
    quiet,
    refuse_text_switches,
    unfilled_model,
)
from cood.models.hub import fetch, fetch_tokeniser, fetch_weights
from cood.models.small_clip import register
from cood.models.weights import BIG_VISION, load_weights, read_weights
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
    return load_folder(path_of(source), device)


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
    model = unfilled_model(name, device, preprocessing)
    notes = load_weights(model, weights)
    return clip_of(source, model, name, revision=weights.parent.name, notes=notes)


def _from_file(
    source: str, device: torch.device, architecture: str, say: Callable[[str], None]
) -> Clip:
    name, _, tag = architecture.partition("/")
    small = towers_of(architecture)
    if small is not None:
        register(small)
    file = path_of(source)
    architectures = open_clip.list_models()
    if name not in architectures:
        raise CoodError(unknown("architecture", name, architectures))
    preprocessing = get_pretrained_cfg(name, tag)
    if tag and not preprocessing:
        raise CoodError(unknown("tag", tag, open_clip.list_pretrained_tags_by_model(name)))
    if not file.is_file():
        raise CoodError(f"{file} does not exist; correct the path after {FILE}")
    weights = None if file.suffix in BIG_VISION else read_weights(file)
    quick = open_clip.get_model_config(name).get("quick_gelu", False)
    openai = weights is not None and weights.openai
    if openai and not quick:
        raise CoodError(
            f"{file} is an archive of OpenAI, whose models have QuickGELU, but {name} has plain "
            f"GELU; use architecture {name}-quickgelu"
        )
    model = unfilled_model(name, device, preprocessing)
    notes = load_weights(model, file, weights)
    if not openai and small is None:  # a small CLIP has one activation and preprocessing
        notes = (*notes, _assumed(model, architecture, quick))
    return clip_of(source, model, name, notes=notes)


def _assumed(model: Any, architecture: str, quick: bool) -> str:
    """What a file of weights alone does not say, and where it was taken from."""
    made = model.visual.preprocess_cfg
    mean, std = (", ".join(f"{value:.4g}" for value in made[key]) for key in ("mean", "std"))
    return (
        "a file of weights does not say which activation and preprocessing they were trained with; "
        f"those of {architecture} are used: {'QuickGELU' if quick else 'GELU'}, mean {mean}, std "
        f"{std}, {made['interpolation']}"
    )


def _from_hub(
    source: str, device: torch.device, architecture: str, say: Callable[[str], None]
) -> Clip:
    repo, _, revision = source.removeprefix(HUB).partition("@")
    folder = fetch(repo, CLIP_CONFIG, revision or None, say).parent
    weights = fetch_weights(repo, revision or None, say)
    refuse_text_switches(folder)
    commit, name = weights.parent, local_source(folder)
    tokeniser = name
    if open_clip.get_model_config(name)["text_cfg"].get("hf_tokenizer_name"):
        fetch_tokeniser(repo, revision or None)
        if not (commit / "tokenizer_config.json").is_file():  # it is in another repository
            tokeniser = f"{HUB}{repo}"
    model = unfilled_model(name, device)
    notes = (*load_weights(model, weights), *preprocessing_notes(folder))
    return clip_of(source, model, name, tokeniser=tokeniser, revision=commit.name, notes=notes)


# By prefix of the source. Each takes the source, the device, the architecture that the study gives
# (empty if none), and what is called before a download is tried again.
Loader = Callable[[str, torch.device, str, Callable[[str], None]], Clip]
LOADERS: dict[str, Loader] = {
    "": _from_open_clip,
    HUB: _from_hub,
    LOCAL: _from_folder,
    FILE: _from_file,
}
