"""Loading a CLIP from a folder, and what loading from other sources shares with it."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import open_clip
import torch
from open_clip.transform import PreprocessCfg

from cood.catalogue.image_size import USUAL_SIZE, sides
from cood.catalogue.sources import LOCAL, local_source
from cood.devices import best_device
from cood.errors import ArtefactError, CoodError
from cood.models.clip import Clip, preprocessing_of
from cood.models.file_names import CLIP_CONFIG, CLIP_WEIGHTS, WEIGHT_SUFFIXES
from cood.models.weights import UnfitError, load_weights, weights_of

CHOICES = {  # of preprocess_cfg, as open_clip asserts them
    "interpolation": ("bicubic", "bilinear", "random"),
    "resize_mode": ("shortest", "longest", "squash"),
}
LISTED = 3  # files that a message names
CHANNELS, LEAST_STD = 3, 1e-3


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
        If the folder is missing or damaged, or its weights do not fit its configuration.
    """
    quiet()
    source = local_source(folder)
    _check_weights(folder)
    with loading_errors(source):
        refuse_text_switches(folder)
        model = unfilled_model(source, device or best_device())
        notes = load_weights(model, weights_of(folder))
        clip = clip_of(source, model, source, notes=(*notes, *preprocessing_notes(folder)))
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


def unfilled_model(
    name: str, device: torch.device, preprocessing: dict[str, Any] | None = None
) -> torch.nn.Module:
    """A model of open_clip by its name or folder, with random weights that are to be replaced."""
    return open_clip.create_model(
        name,
        device=device,
        force_preprocess_cfg=preprocessing,
        load_weights=False,
        pretrained_text=False,
    )


def clip_of(
    source: str,
    model: torch.nn.Module,
    name: str,
    *,
    tokeniser: str | None = None,
    revision: str = "",
    notes: Iterable[str] = (),
) -> Clip:
    """A model with the preprocessing, tokeniser and `model_cfg` of its configuration `name`."""
    config = open_clip.get_model_config(name)
    tokenise = open_clip.get_tokenizer(tokeniser or name)
    clip = Clip(source, model, preprocessing_of(model), tokenise, config, revision, tuple(notes))
    return replace(clip, notes=(*clip.notes, *vocabulary_notes(clip)))


def preprocessing_notes(folder: Path) -> Iterator[str]:
    """What the configuration in a folder leaves open of the preprocessing."""
    settings = json.loads((folder / CLIP_CONFIG).read_text(encoding="utf-8"))
    given = settings.get("preprocess_cfg") or {}
    _refuse_settings(given)
    strange = sorted(set(given) - {field.name for field in fields(PreprocessCfg)})
    if strange:
        yield f"{CLIP_CONFIG} gives {', '.join(strange)} in preprocess_cfg, which open_clip ignores"
    if not given.get("mean") or not given.get("std"):
        yield (
            f"{CLIP_CONFIG} gives no mean and std of the pixels (preprocess_cfg), so those of "
            "OpenAI's CLIP are used"
        )
    size = settings["model_cfg"]["vision_cfg"].get("image_size", USUAL_SIZE)
    if sides(given.get("size", size)) != sides(size):
        yield (
            f"{CLIP_CONFIG} gives the size {given['size']} in preprocess_cfg and {size} in "
            "vision_cfg; the latter is used"
        )


def refuse_text_switches(folder: Path) -> None:
    """Refuse "false" in quotes in the configuration in a folder: to open_clip it is true."""
    file = folder / CLIP_CONFIG
    if not file.is_file():
        return  # open_clip says so
    queue: list[tuple[str, Any]] = [("", json.loads(file.read_text(encoding="utf-8")))]
    while queue:
        place, value = queue.pop()
        if isinstance(value, Mapping):
            queue += [(f"{place}.{key}".lstrip("."), inner) for key, inner in value.items()]
        elif isinstance(value, str) and value.lower() in {"true", "false"}:
            raise UnfitError(
                f"{CLIP_CONFIG}: {place}: {value!r} is text; write {value.lower()} without quotes"
            )


def _refuse_settings(given: Mapping[str, Any]) -> None:
    """Refuse what open_clip would assert, or use though no trained model can have it."""
    for key, choices in CHOICES.items():
        if given.get(key) and given[key] not in choices:
            raise UnfitError(
                f"{CLIP_CONFIG}: preprocess_cfg.{key}: expected one of {', '.join(choices)}, got "
                f"{given[key]!r}"
            )
    for key in ("mean", "std"):
        values = given.get(key) or []
        listed = values if isinstance(values, list) else [values]
        if len(listed) not in (0, 1, CHANNELS):
            raise UnfitError(
                f"{CLIP_CONFIG}: preprocess_cfg.{key}: expected {CHANNELS} numbers, got "
                f"{len(listed)}"
            )
        for value in listed:
            lowest = LEAST_STD if key == "std" else 0
            if not lowest <= float(value) <= 1:
                raise UnfitError(
                    f"{CLIP_CONFIG}: preprocess_cfg.{key}: {value} is not for pixels from 0 to 1; "
                    "if it is for pixels to 255, divide it by 255"
                )


def vocabulary_notes(clip: Clip) -> Iterator[str]:
    """Whether a tokeniser of transformers has words that the text tower lacks."""
    words = clip.words
    tokeniser = getattr(clip.tokenize, "tokenizer", None)
    if words is not None and tokeniser is not None and len(tokeniser) > words:
        yield (
            f"the tokeniser has {len(tokeniser)} words and the text tower {words}, so it may not "
            "be the one that the weights were trained with"
        )


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
        reason = " ".join(str(error).split()) or type(error).__name__
        if source.startswith(LOCAL) and isinstance(error, UnfitError):
            raise ArtefactError(
                f"model {source.removeprefix(LOCAL)} cannot be loaded: {reason}; or, if it was "
                "trained here, delete the folder and run `nox -s reproduce`"
            ) from error
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
