"""The classes of ImageNet-1k: their names in open_clip, and their other names in WordNet.

Both lists are files of libraries that are installed anyway. They are read without importing the
libraries, which would import torch: reading a study file must be fast.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType


@cache
def class_names() -> tuple[str, ...]:
    """Names [1000] of the classes in open_clip, in their order; two occur twice."""
    return tuple(_metadata().IMAGENET_CLASSNAMES)


@cache
def templates() -> tuple[str, ...]:
    """The 80 prompts that OpenAI published for ImageNet, with ``{}`` for the class name.

    Examples
    --------
    >>> templates()[:2]
    ('a bad photo of a {}.', 'a photo of many {}.')
    """
    return tuple(fill("{}") for fill in _metadata().OPENAI_IMAGENET_TEMPLATES)


@cache
def synsets() -> tuple[str, ...]:
    """WordNet ids [1000] of the classes, such as ``n01440764``, in their order."""
    return tuple(_file("timm", "data/_info/imagenet_synsets.txt").read_text().split())


def objects() -> list[str]:
    """The 998 distinct names of the classes: "missile" and "sunglasses" name two classes each."""
    return list(dict.fromkeys(class_names()))


@cache
def synonyms() -> dict[str, tuple[str, ...]]:
    """Names that WordNet has for each class name of open_clip, in the order of WordNet.

    Older lists of ImageNet, such as that of ImageNet-AO, use the first: "ice bear" for what
    open_clip calls "polar bear".

    Examples
    --------
    >>> synonyms()["polar bear"][:2]
    ('ice bear', 'polar bear')
    """
    names: dict[str, tuple[str, ...]] = {}
    for name, others in zip(class_names(), lemmas(), strict=True):
        names[name] = (*names.get(name, ()), *others)
    return names


@cache
def lemmas() -> tuple[tuple[str, ...], ...]:
    """Names [1000] that WordNet has for each class."""
    lines = _file("timm", "data/_info/imagenet_synset_to_lemma.txt").read_text().splitlines()
    names = dict(line.split("\t", 1) for line in lines if "\t" in line)
    return tuple(tuple(names[id_].split(", ")) for id_ in synsets())


@cache
def _metadata() -> ModuleType:
    spec = spec_from_file_location("names", _file("open_clip", "zero_shot_metadata.py"))
    if spec is None or spec.loader is None:
        raise ImportError("open_clip has no zero_shot_metadata.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _file(package: str, inside: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"{package} is not installed")
    return Path(spec.submodule_search_locations[0]) / inside
