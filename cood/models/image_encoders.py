"""Loading an image-only tower of timm and its preprocessing, from wherever it lies."""

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

from cood.catalogue.sources import FILE, HUB, LOCAL, local_source
from cood.devices import best_device
from cood.errors import CoodError, unknown
from cood.models.file_names import ENCODER_CONFIG, ENCODER_WEIGHTS
from cood.models.hub import fetch, fetch_weights
from cood.models.loading import loading_errors


@dataclass(frozen=True)
class ImageOnlyEncoder:
    """An image tower ready to embed; `preprocess` is that of its own configuration.

    `revision` is the commit of the hub that the weights are from, empty for weights from elsewhere.
    """

    source: str
    model: torch.nn.Module
    preprocess: Callable[..., torch.Tensor]
    sizes: dict[str, int]
    revision: str = ""

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.model.parameters()).device

    def encode_image(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pooled features [n, d], before any classifier, of pixels [n, 3, size, size]."""
        return self.model(pixels)


def load_image_encoder(
    source: str,
    device: torch.device | None = None,
    architecture: str | None = None,
    say: Callable[[str], None] = print,
) -> ImageOnlyEncoder:
    """Load a trained image tower with timm; nothing that comes with the weights is run.

    Parameters
    ----------
    source
        A name of timm with its tag, as `timm.list_pretrained()` gives them; ``hf-hub:ORG/REPO``,
        or ``hf-hub:ORG/REPO@REVISION``, of a repository with `config.json` and weights as timm
        saves them; ``local-dir:PATH`` of a folder with the same; ``file:PATH`` of weights alone.
    device
        Where to put it; the GPU where there is one by default.
    architecture
        For ``file:``, a name of timm, with the tag whose preprocessing it gets.
    say
        Told before a download is tried again.

    Raises
    ------
    CoodError
        If there is no such tower, its weights cannot be had, do not fill the model, or would run
        code.
    """
    with loading_errors(source):
        model, revision = _load(source, architecture, say)
        # Only now, so that a classifier of the checkpoint is loaded and no weight goes missing
        # without a word.
        model.reset_classifier(0)
        data = resolve_model_data_config(model)
        preprocess = create_transform(**data, is_training=False)
    model.eval().to(device or best_device())
    sizes = {"embed_dim": model.num_features, "resolution": data["input_size"][-1]}
    return ImageOnlyEncoder(source, model, preprocess, sizes, revision)


def _load(source: str, architecture: str | None, say: Callable[[str], None]) -> tuple[Any, str]:
    if source.startswith(LOCAL):
        return timm.create_model(source, pretrained=True), ""
    if source.startswith(HUB):
        repo, _, revision = source.removeprefix(HUB).partition("@")
        fetch(repo, ENCODER_CONFIG, revision or None, say)
        weights = fetch_weights(repo, revision or None, say, names=ENCODER_WEIGHTS)
        return timm.create_model(local_source(weights.parent), pretrained=True), weights.parent.name
    if source.startswith(FILE):
        weights = Path(source.removeprefix(FILE))
        if not weights.is_file():
            raise CoodError(f"{weights} does not exist; correct the path after {FILE}")
        return _with_weights(str(architecture), weights), ""
    name, _, tag = source.partition(".")
    known = timm.list_pretrained() if is_model(name) else timm.list_models()
    if source not in known or not tag:
        raise CoodError(unknown("tower of timm", source, known))
    config = get_pretrained_cfg(source)
    if config is None or not config.hf_hub_id:
        raise CoodError(f"{source} is not on the hub; fetch its weights and name them by {FILE}")
    weights = fetch_weights(config.hf_hub_id, None, say, names=ENCODER_WEIGHTS)
    return _with_weights(source, weights), weights.parent.name


def _with_weights(name: str, weights: Path) -> Any:
    if not is_model(name.partition(".")[0]):
        raise CoodError(unknown("architecture of timm", name, timm.list_models()))
    overlay = {"file": str(weights), "custom_load": False}
    return timm.create_model(name, pretrained=True, pretrained_cfg_overlay=overlay)
