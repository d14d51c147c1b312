"""Loading an image-only encoder of timm and its preprocessing, from any source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
import torch
from timm.data.config import resolve_model_data_config
from timm.data.transforms_factory import create_transform
from timm.models import get_pretrained_cfg, is_model

from cood.catalogue.sources import FILE, HUB, LOCAL, SOURCES, local_source, path_of, prefix_of
from cood.devices import best_device
from cood.errors import CoodError, unknown
from cood.models.clip import model_errors
from cood.models.file_names import ENCODER_CONFIG, ENCODER_WEIGHTS
from cood.models.folders import loading_errors
from cood.models.hub import fetch, fetch_weights
from cood.models.weights import UnfitError, read_weights, refuse_non_finite


@dataclass(frozen=True)
class ImageOnlyEncoder:
    """An image-only encoder with the preprocessing of its own configuration.

    Attributes
    ----------
    source
        How it was named; see `load_image_encoder`.
    model, preprocess
        The model of timm without classifier, and from a PIL image to its pixels.
    sizes
        `embed_dim` and `resolution`.
    revision
        Commit of the hub that the weights come from; empty for other sources.
    notes
        What a reader of its scores must know.
    """

    source: str
    model: torch.nn.Module
    preprocess: Callable[..., torch.Tensor]
    sizes: dict[str, int]
    revision: str = ""
    notes: tuple[str, ...] = ()

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return next(self.model.parameters()).device

    def encode_image(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pooled features [n, d], before any classifier, of pixels [n, 3, size, size]."""
        with model_errors(self.source):
            return self.model(pixels)


def load_image_encoder(
    source: str,
    device: torch.device | None = None,
    architecture: str | None = None,
    say: Callable[[str], None] = print,
) -> ImageOnlyEncoder:
    """Load a trained image-only encoder with timm; no code that comes with the weights is run.

    Parameters
    ----------
    source
        A name of timm with its tag, as in `timm.list_pretrained()`; ``hf-hub:ORG/REPO``, or
        ``hf-hub:ORG/REPO@REVISION``, of a repository with `config.json` and weights as timm saves
        them; ``local-dir:PATH`` of a folder with the same; ``file:PATH`` of weights alone.
    device
        The GPU if there is one by default.
    architecture
        For ``file:``, a name of timm, with the tag whose preprocessing it gets.
    say
        Called before a download is tried again.

    Raises
    ------
    CoodError
        If there is no such encoder, its weights cannot be loaded, do not fit the model, or would
        run code.
    """
    with loading_errors(source):
        prefix = prefix_of(source)
        if prefix not in LOADERS:
            raise CoodError(
                f"image-only encoders cannot be loaded from {SOURCES[prefix].place}; use another "
                f"source than {prefix}"
            )
        model, revision = LOADERS[prefix](source, architecture or "", say)
        # After loading, so that the weights of a classifier do not count as unexpected ones.
        model.reset_classifier(0)
        data = resolve_model_data_config(model)
        preprocess = create_transform(**data, is_training=False)
        refuse_non_finite(model)
    model.eval().to(device or best_device())
    sizes = {"embed_dim": model.num_features, "resolution": data["input_size"][-1]}
    notes = (_assumed(architecture or "", data),) if prefix == FILE else ()
    return ImageOnlyEncoder(source, model, preprocess, sizes, revision, notes)


def _assumed(architecture: str, data: dict[str, Any]) -> str:
    """What a file of weights alone does not say, and where it was taken from."""
    mean, std = (", ".join(f"{value:.4g}" for value in data[key]) for key in ("mean", "std"))
    return (
        f"a file of weights does not say which preprocessing they were trained with; that of "
        f"{architecture} is used: {data['input_size'][-1]} pixels, mean {mean}, std {std}, "
        f"{data['interpolation']}"
    )


def _from_folder(source: str, architecture: str, say: Callable[[str], None]) -> tuple[Any, str]:
    folder = path_of(source)
    model = timm.create_model(f"{LOCAL}{folder}", pretrained=True)
    files = [folder / name for name in ENCODER_WEIGHTS if (folder / name).is_file()]
    for file in files[:1]:
        _refuse_stretching(model, file)
    return model, ""


def _from_hub(source: str, architecture: str, say: Callable[[str], None]) -> tuple[Any, str]:
    repo, _, revision = source.removeprefix(HUB).partition("@")
    fetch(repo, ENCODER_CONFIG, revision or None, say)
    weights = fetch_weights(repo, revision or None, say, names=ENCODER_WEIGHTS)
    return timm.create_model(local_source(weights.parent), pretrained=True), weights.parent.name


def _from_file(source: str, architecture: str, say: Callable[[str], None]) -> tuple[Any, str]:
    weights = path_of(source)
    if not weights.is_file():
        raise CoodError(f"{weights} does not exist; correct the path after {FILE}")
    model = _with_weights(architecture, weights)
    _refuse_stretching(model, weights)
    return model, ""


def _from_timm(source: str, architecture: str, say: Callable[[str], None]) -> tuple[Any, str]:
    name, _, tag = source.partition(".")
    names = timm.list_pretrained() if is_model(name) else timm.list_models()
    if source not in names or not tag:
        raise CoodError(unknown("encoder of timm", source, names))
    config = get_pretrained_cfg(source)
    if config is None or not config.hf_hub_id:
        raise CoodError(
            f"{source} is not on the hub; download its weights and give them as {FILE}PATH"
        )
    weights = fetch_weights(config.hf_hub_id, None, say, names=ENCODER_WEIGHTS)
    return _with_weights(source, weights), weights.parent.name


def _refuse_stretching(model: Any, file: Path) -> None:
    """Refuse positions for another number of patches: timm stretches them without a word."""
    tensors = read_weights(file).tensors
    for name, own in model.state_dict().items():
        if not name.endswith("pos_embed") or name not in tensors:
            continue
        here, there = list(tensors[name].shape), list(own.shape)
        if here != there:
            raise UnfitError(
                f"its weights have {name} of shape {here}, and its architecture {there}; positions "
                "are never stretched, so name the architecture that the weights were trained with"
            )


def _with_weights(name: str, weights: Path) -> Any:
    if not is_model(name.partition(".")[0]):
        raise CoodError(unknown("architecture of timm", name, timm.list_models()))
    overlay = {"file": str(weights), "custom_load": False}
    return timm.create_model(name, pretrained=True, pretrained_cfg_overlay=overlay)


# By prefix of the source. Each takes the source, the architecture that the study gives (empty if
# none), and what is called before a download is tried again; it returns the model of timm and the
# commit of the hub.
Loader = Callable[[str, str, Callable[[str], None]], tuple[Any, str]]
LOADERS: dict[str, Loader] = {
    "": _from_timm,
    HUB: _from_hub,
    LOCAL: _from_folder,
    FILE: _from_file,
}
