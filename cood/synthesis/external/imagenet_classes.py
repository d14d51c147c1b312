"""Importing an ID set: images of ImageNet's own classes, with a folder for each class."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from cood import imagenet
from cood.settings.study_file import Study
from cood.synthesis.external.folder_names import LONGEST, form
from cood.synthesis.external.source_files import list_files
from cood.synthesis.external.transfer import transfer
from cood.synthesis.manifests import KEPT

LAYOUT = (
    "images must lie in folders named by the classes of ImageNet: by WordNet id "
    "(`n01440764/1.JPEG`), by number (`0/1.jpeg`) or by name (`tench/1.jpeg`)"
)
SHOWN = 5  # labels that a message lists


def import_classes(
    study: Study, name: str, cores: int = 1, say: Callable[[str], None] = print
) -> pd.DataFrame:
    """List the files of an ID set, check each image, write the manifest and return it.

    `class` is the number of the class, -1 for folders that name none, and `object` its name in
    open_clip. The other columns are those of `cood.synthesis.external.importing.import_set`.
    """
    table = list_files(study, name, LAYOUT)
    classes = {label: class_of(label) for label in table["label"].unique()}
    answers = table["label"].map(classes)
    named = (table["status"] == KEPT) & answers.map(lambda value: isinstance(value, int))
    unnamed = (table["status"] == KEPT) & ~named
    table.loc[unnamed, "status"] = answers[unnamed]
    numbers = [c if is_class else -1 for c, is_class in zip(answers, named, strict=True)]
    table["class"] = np.array(numbers, int)
    table["composition"] = table["class"]
    table["attribute"] = ""
    table["object"] = [imagenet.class_names()[i] if i >= 0 else "" for i in table["class"]]
    table["prompt"] = table["object"]
    table["seed"] = table.groupby("class").cumcount()
    table["image"] = [
        f"{row.composition}/{row.seed}{PurePosixPath(row.file).suffix.lower()}"
        if row.composition >= 0
        else ""
        for row in table.itertuples()
    ]
    table["generator"] = study.id_sets[name].generator
    strange = [label for label, value in classes.items() if not isinstance(value, int)]
    if strange:
        shown = ", ".join(repr(label[:40]) for label in strange[:SHOWN])
        more = f" and {len(strange) - SHOWN} more" if len(strange) > SHOWN else ""
        say(f"{name}: skipped folders that name no class of ImageNet: {shown}{more}")
    table = transfer(study, name, table.drop(columns="label"), cores, say, LAYOUT)
    used = table.loc[table["status"] == KEPT, "class"].nunique()
    if used < len(imagenet.class_names()):
        say(f"{name}: {used} of 1,000 classes have an image; only these are candidate answers")
    return table


def class_of(label: str) -> int | str:
    """Number of the class that a folder is named by, or why it names none.

    Numbers are read as numbers: a list of folders in the order of the alphabet would put class
    10 after class 1. A name is that of open_clip or one of WordNet's, if only one class has it.

    Examples
    --------
    >>> class_of("n01440764"), class_of("1"), class_of("Great_white_shark")
    (0, 1, 2)
    >>> class_of("missile")
    'unknown class: several of that name'
    """
    if len(label) > LONGEST or not label.isprintable():
        return "bad label: too long, or with a character that cannot be printed"
    if re.fullmatch(r"n\d{8}", label):
        return _by_synset().get(label, "unknown class: no such WordNet id in ImageNet")
    if label.isascii() and label.isdigit():
        number = int(label)
        return number if number < len(imagenet.synsets()) else "unknown class: no such number"
    own, others = _by_name()
    classes = own.get(form(label)) or others.get(form(label)) or []
    if len(classes) == 1:
        return classes[0]
    return f"unknown class: {'several of that name' if classes else 'no such name'}"


@cache
def _by_synset() -> dict[str, int]:
    return {id_: i for i, id_ in enumerate(imagenet.synsets())}


@cache
def _by_name() -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Classes that have a name in open_clip, and in WordNet."""
    own: dict[str, list[int]] = {}
    others: dict[str, list[int]] = {}
    for i, name in enumerate(imagenet.class_names()):
        own.setdefault(form(name), []).append(i)
    for i, names in enumerate(imagenet.lemmas()):
        for name in dict.fromkeys(map(form, names)):
            others.setdefault(name, []).append(i)
    return own, others
