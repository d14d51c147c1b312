"""Reading files of weights, and putting them into a model of open_clip without guessing.

open_clip stretches positions to another size, cuts prefixes blindly and fills what is missing; here
each of these is refused, or noted.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import ZipFile, is_zipfile

import torch
from open_clip.convert import convert_state_dict, load_big_vision_weights
from open_clip.model import convert_to_custom_text_state_dict
from safetensors import SafetensorError
from safetensors.torch import load_file

from cood.models.file_names import CLIP_WEIGHTS, WEIGHT_SUFFIXES

BIG_VISION = (".npz", ".npy")  # which open_clip reads by itself
# Keys of a file of training under which the weights lie, the likeliest first.
NESTED = ("state_dict", "model_state_dict", "model", "module", "weights")
# Numbers that only the archives of OpenAI hold among the weights.
OPENAI_MARKS = ("input_resolution", "context_length", "vocab_size")
# Buffers that a model makes itself, and that older versions of the libraries saved.
REMADE = ("attn_mask", "text.attn_mask", "text.transformer.embeddings.position_ids")
POINTER = b"version https://git-lfs"  # what a file of Git LFS begins with that was not fetched
SCALE, BIAS = "logit_scale", "logit_bias"
POSITIONS = {  # of towers of open_clip, and the settings that they come from
    "visual.positional_embedding": "vision_cfg.image_size",
    "positional_embedding": "text_cfg.context_length",
    "text.positional_embedding": "text_cfg.context_length",
}
TRANSFORMERS = ("vision_model.", "text_model.")  # what the names of transformers begin with
SHARD = re.compile(r"-\d+-of-\d+\.")  # in the names of files of weights in parts
LISTED = 3  # names that a message lists


class UnfitError(ValueError):
    """Weights that cannot be used; the message is a reason and says what to do."""


@dataclass(frozen=True)
class Weights:
    """What a file of weights holds.

    Attributes
    ----------
    tensors
        By name, without a prefix that all share.
    openai
        Whether it is an archive of OpenAI, whose models have QuickGELU.
    others
        Names of what lies among the tensors and is none.
    notes
        What a reader must know about the file.
    """

    tensors: dict[str, torch.Tensor]
    openai: bool = False
    others: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())


def weights_of(folder: Path) -> Path:
    """The file of weights of a folder, by the names that open_clip looks for.

    Raises
    ------
    UnfitError
        If there is none, or several with names of their own.
    """
    files = sorted(file for file in folder.iterdir() if file.name.endswith(WEIGHT_SUFFIXES))
    preferred = [folder / name for name in CLIP_WEIGHTS if folder / name in files]
    if not preferred and any(SHARD.search(file.name) for file in files):
        raise UnfitError(
            f"its weights are in parts ({_listed(f.name for f in files)}); join them into one file "
            f"{CLIP_WEIGHTS[0]}"
        )
    if not preferred and len(files) != 1:
        raise UnfitError(
            f"its folder has {len(files)} files of weights ({_listed(f.name for f in files)}), and "
            f"none is named {CLIP_WEIGHTS[0]}; give that name to the right one"
        )
    return (preferred or files)[0]


def read_weights(file: Path) -> Weights:
    """Read safetensors, a state dict of torch, a file of training, or a TorchScript archive.

    Raises
    ------
    UnfitError
        If the file is damaged, or holds no tensors.
    UnpicklingError
        If it is a pickle that would run code.
    """
    with file.open("rb") as start:
        if start.read(len(POINTER)) == POINTER:
            raise UnfitError(
                f"its weights {file.name} are a pointer of Git LFS and not the file itself; run "
                "`git lfs pull`"
            )
    try:
        content = _content(file)
    except (SafetensorError, EOFError, RuntimeError, OSError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UnfitError(
            f"its weights {file.name} are damaged or incomplete ({reason}); compare their size "
            "with that at their source, and download or copy them again"
        ) from error
    content, notes = _unwrapped(content)
    tensors = {str(key): value for key, value in content.items() if torch.is_tensor(value)}
    if not tensors:
        raise UnfitError(
            f"its weights {file.name} hold no tensors by name, but "
            f"{_listed(map(str, content)) or 'nothing'}; save the state dict of the model"
        )
    openai = [tensors.pop(name, None) is not None for name in OPENAI_MARKS]
    others = tuple(str(key) for key, value in content.items() if not torch.is_tensor(value))
    return Weights(_without_prefix(tensors), any(openai), others, notes)


def _content(file: Path) -> Any:
    if file.suffix == ".safetensors":
        return load_file(file)
    if _is_torchscript(file):
        with warnings.catch_warnings():  # torch deprecates the format, but OpenAI's files have it
            warnings.simplefilter("ignore", FutureWarning)
            return torch.jit.load(file, map_location="cpu").state_dict()
    return torch.load(file, map_location="cpu", weights_only=True)


def _is_torchscript(file: Path) -> bool:
    if not is_zipfile(file):
        return False
    with ZipFile(file) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _unwrapped(content: Any) -> tuple[Mapping[Any, Any], tuple[str, ...]]:
    """The mapping that holds the tensors, and a note if another one holds tensors too."""
    notes: list[str] = []
    while isinstance(content, Mapping):
        inner = [key for key in NESTED if isinstance(content.get(key), Mapping)]
        if not inner:
            return content, tuple(notes)
        rest = [
            str(key)
            for key, value in content.items()
            if key != inner[0]
            and isinstance(value, Mapping)
            and any(map(torch.is_tensor, value.values()))
        ]
        if rest:
            notes.append(f"the file holds {_listed(rest)} too; {inner[0]} is used")
        content = content[inner[0]]
    raise UnfitError(
        f"its weights are of type {type(content).__name__}; save the state dict of the model"
    )


def _without_prefix(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Drop what wrappers, such as those of several GPUs, put before every name."""
    scales = [key for key in tensors if key == SCALE or key.endswith(f".{SCALE}")]
    prefix = scales[0].removesuffix(SCALE) if len(scales) == 1 else ""
    if not all(key.startswith(prefix) for key in tensors):
        return tensors  # what has another prefix would be lost
    return {key.removeprefix(prefix): value for key, value in tensors.items()}


def load_weights(model: Any, file: Path, weights: Weights | None = None) -> tuple[str, ...]:
    """Put weights into a model of open_clip; every tensor of both must have its counterpart.

    Parameters
    ----------
    model
        The model, whose weights are replaced.
    file
        Of the weights.
    weights
        What it holds, if it is read already.

    Returns
    -------
    tuple of str
        Notes for readers of the scores.

    Raises
    ------
    UnfitError
        If a tensor is missing, unexpected, of another shape, or not finite.
    """
    if file.suffix in BIG_VISION:
        load_big_vision_weights(model, str(file))
        refuse_non_finite(model)
        return ()
    weights = weights or read_weights(file)
    tensors = convert_state_dict(model, dict(weights.tensors))
    if "positional_embedding" in tensors and not hasattr(model, "positional_embedding"):
        tensors = convert_to_custom_text_state_dict(tensors)
    own = model.state_dict()
    for name in REMADE:
        if name not in own:
            tensors.pop(name, None)
    note = _settle_bias(tensors, own)
    for name in (SCALE, BIAS):  # saved with one dimension or none
        if name in tensors and name in own and tensors[name].numel() == own[name].numel():
            tensors[name] = tensors[name].reshape(own[name].shape)
    _refuse_stretching(tensors, own)
    _refuse_misfits(tensors, own, weights.others)
    model.load_state_dict(tensors)
    refuse_non_finite(model)
    return (*weights.notes, *([note] if note else []))


def _settle_bias(tensors: dict[str, torch.Tensor], own: Mapping[str, torch.Tensor]) -> str:
    """Allow for a bias of the logits on one side only: no score depends on it."""
    if BIAS in tensors and BIAS not in own:
        del tensors[BIAS]
        return (
            f"the weights hold a {BIAS}, as those of the sigmoid loss do, and the configuration "
            "none; no score depends on it"
        )
    if BIAS in own and BIAS not in tensors:
        tensors[BIAS] = own[BIAS]
        return (
            f"the configuration has a {BIAS}, for the sigmoid loss, and the weights none; no score "
            "depends on it"
        )
    return ""


def _refuse_stretching(
    tensors: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor]
) -> None:
    for name, setting in POSITIONS.items():
        if name not in tensors or name not in own:
            continue
        here, there = tensors[name].shape, own[name].shape
        if here[1:] == there[1:] and here != there:
            raise UnfitError(
                f"its weights have {here[0]} positions in {name}, and its configuration asks for "
                f"{there[0]}; positions are never stretched, so correct {setting}, or name the "
                "architecture that the weights were trained with"
            )


def _refuse_misfits(
    tensors: Mapping[str, torch.Tensor],
    own: Mapping[str, torch.Tensor],
    others: Iterable[str],
) -> None:
    missing = [name for name in own if name not in tensors]
    unexpected = [*(name for name in tensors if name not in own), *others]
    reshaped = [
        f"{name} {list(tensors[name].shape)} for {list(own[name].shape)}"
        for name in own
        if name in tensors and tensors[name].shape != own[name].shape
    ]
    retyped = [
        f"{name} {tensors[name].dtype}"
        for name in own
        if name in tensors
        and own[name].is_floating_point()
        and not tensors[name].is_floating_point()
    ]
    parts = [
        f"{len(names)} {kind} ({_listed(names)})"
        for kind, names in (
            ("are missing", missing),
            ("are unexpected", unexpected),
            ("have another shape", reshaped),
            ("hold no floating-point numbers", retyped),
        )
        if names
    ]
    if not parts:
        return
    hint = "name the architecture, or the configuration, that they were trained with"
    if retyped:
        hint = "they may be quantised; use the weights from before"
    elif any(name.startswith(TRANSFORMERS) for name in unexpected):
        hint = "they have the names of transformers, so convert them to those of open_clip"
    elif any(name.startswith("text.") for name in unexpected):
        hint = f"if their text tower is one of its own, set custom_text to true; else {hint}"
    raise UnfitError(
        f"of the {len(own)} tensors of the model and the {len(tensors)} of its weights, "
        f"{', '.join(parts)}; {hint}"
    )


def refuse_non_finite(model: Any) -> None:
    """Raise an UnfitError if a tensor of a model holds NaN or infinity."""
    bad = [
        name
        for name, tensor in model.state_dict().items()
        if tensor.is_floating_point() and not torch.isfinite(tensor).all()
    ]
    if bad:
        raise UnfitError(
            f"{len(bad)} of its tensors hold NaN or infinity ({_listed(bad)}), as after a training "
            "that diverged; use weights from before"
        )


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:LISTED]) + (", ..." if len(names) > LISTED else "")
