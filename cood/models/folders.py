"""Loading a CLIP from a folder, and what loading from other sources shares with it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import open_clip
import torch

from cood.catalogue.sources import LOCAL, local_source
from cood.devices import best_device
from cood.errors import ArtefactError, CoodError
from cood.models.clip import Clip, preprocessing_of
from cood.models.file_names import CLIP_CONFIG, CLIP_WEIGHTS, WEIGHT_SUFFIXES

LISTED = 3  # files that a message names


def load_folder(folder: Path, device: torch.device | None = None) -> Clip:
    """Load a CLIP from a folder, as `cood.models.small_clip.save_clip` writes it.

    Parameters
    ----------
    folder
        Has `open_clip_config.json` and weights.
    device
        The GPU if there is one by default.

    Raises
    ------
    ArtefactError
        If the folder is missing or damaged.
    """
    quiet()
    source = local_source(folder)
    _check_weights(folder)
    with loading_errors(source):
        model, preprocess = open_clip_model(source, device or best_device())
        clip = Clip(source, model, preprocess, *tokeniser_and_config(source))
    clip.model.eval()
    return clip


def _check_weights(folder: Path) -> None:
    """Refuse a folder whose weights have a name that open_clip does not look for."""
    if not (folder / CLIP_CONFIG).is_file():
        return  # open_clip says so
    names = sorted(file.name for file in folder.iterdir() if file.name != CLIP_CONFIG)
    if not any(name.endswith(WEIGHT_SUFFIXES) for name in names):
        held = f"; it has {', '.join(names[:LISTED])}" if names else ""
        raise ArtefactError(
            f"model {folder} has no weights that open_clip finds: their name must end in "
            f"{', '.join(WEIGHT_SUFFIXES)}, as {CLIP_WEIGHTS[1]} does{held}; rename the weights, "
            "or, if it was trained here, delete the folder and run `nox -s reproduce`"
        )


def open_clip_model(
    name: str,
    device: torch.device,
    weights: str | None = None,
    preprocessing: dict[str, Any] | None = None,
) -> tuple[torch.nn.Module, Callable[..., torch.Tensor]]:
    """A trained model of open_clip and its preprocessing, by name and, if need be, weights."""
    model = open_clip.create_model(
        name,
        weights,
        device=device,
        force_preprocess_cfg=preprocessing,
        require_pretrained=True,
    )
    return model, preprocessing_of(model)


def tokeniser_and_config(
    name: str, tokeniser: str | None = None
) -> tuple[Callable[..., torch.Tensor], dict[str, Any]]:
    """The tokeniser and the `model_cfg` of a model of open_clip."""
    return open_clip.get_tokenizer(tokeniser or name), open_clip.get_model_config(name)


def quiet() -> None:
    """Silence open_clip, which logs every step to the root logger."""
    logging.getLogger().setLevel(logging.ERROR)


@contextmanager
def loading_errors(source: str) -> Iterator[None]:
    """Turn any error of the libraries that load a model into a CoodError of one sentence."""
    try:
        yield
    except CoodError:
        raise
    except UnpicklingError as error:
        raise CoodError(f"model {source} is refused: {_unsafe(error)}") from error
    except Exception as error:  # the libraries raise errors of many kinds
        reason = " ".join(str(error).split())
        if source.startswith(LOCAL):
            raise ArtefactError(
                f"model {source.removeprefix(LOCAL)} cannot be loaded ({reason}); correct "
                "its path, or, if it was trained here, delete the folder and run `nox -s reproduce`"
            ) from error
        raise CoodError(f"model {source} cannot be loaded: {reason}") from error


def _unsafe(error: UnpicklingError) -> str:
    asked = re.search(r"GLOBAL ([\w.]+)", str(error))
    if asked is None:
        return "its weights are damaged or no file of tensors; use a safetensors file"
    return (
        f"its weights are a pickle that would run {asked[1]} on loading; use a safetensors file "
        "from someone you trust"
    )
