"""Importing an ID set: images of ImageNet's own classes, with a folder for each class."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from cood import imagenet
from cood.errors import CoodError
from cood.settings.study_file import Study
from cood.synthesis.external.folder_names import LONGEST
from cood.synthesis.external.source_files import list_files, notes_on_outer_folders
from cood.synthesis.external.transfer import transfer
from cood.synthesis.manifests import KEPT
from cood.synthesis.notes import join_notes
from cood.vocabulary import form

LAYOUT = (
    "images must lie in folders named by the classes of ImageNet: by WordNet id "
    "(`n01440764/1.JPEG`), by number (`0/1.jpeg`) or by name (`tench/1.jpeg`)"
)
SEVERAL = "several of that name, give its WordNet id"
TWO_CLASSES = "name of two classes"
FEWER_NUMBERS = "number that may count other classes"
SHOWN = 5  # labels that a message lists


def import_classes(
    study: Study, name: str, cores: int = 1, say: Callable[[str], None] = print
) -> pd.DataFrame:
    """List the files of an ID set, check each image, write the manifest and return it.

    `class` is the number of the class, -1 for folders that name none, and `object` its name in
    open_clip. The other columns are those of `cood.synthesis.external.importing.import_set`.
    """
    table = list_files(study, name, LAYOUT)
    labels = table["label"].unique()
    check_numbers(name, labels, say)
    classes = {label: class_of(label) for label in labels}
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
    fewer = counts_fewer(labels)
    outer = notes_on_outer_folders(table["file"].tolist(), (table["class"] >= 0).tolist())
    table["note"] = [
        join_notes(note_on(label, fewer), place) if c >= 0 else ""
        for label, c, place in zip(table["label"], table["class"], outer, strict=True)
    ]
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
    10 after class 1. A name is that of open_clip or the first of WordNet, if only one class has it
    so, or another one of WordNet, if only one class has it at all.

    Examples
    --------
    >>> class_of("n01440764"), class_of("1"), class_of("Great_white_shark")
    (0, 1, 2)
    >>> class_of("crane")
    'unknown class: several of that name, give its WordNet id'
    """
    if len(label) > LONGEST or not label.isprintable():
        return "bad label: too long, or with a character that cannot be printed"
    if re.fullmatch(r"n\d{8}", label):
        return _by_synset().get(label, "unknown class: no such WordNet id in ImageNet")
    if _is_number(label):
        number = int(label)
        return number if number < len(imagenet.synsets()) else "unknown class: no such number"
    main, every = _by_name()
    classes = main.get(form(label)) or every.get(form(label)) or set()
    if len(classes) == 1:
        return min(classes)
    return f"unknown class: {SEVERAL if classes else 'no such name'}"


def note_on(label: str, fewer: bool = False) -> str:
    """A note if a label may mean another class; empty for any other label.

    Parameters
    ----------
    label
        Name of a folder.
    fewer
        What `counts_fewer` says of all labels.

    Examples
    --------
    >>> note_on("harp")
    "name of two classes: read as 'harp', not 'harmonica'"
    >>> note_on("1", fewer=True)
    "number that may count other classes: read as 'goldfish'"
    """
    own, names = class_of(label), imagenet.class_names()
    if not isinstance(own, int):
        return ""
    if _is_number(label):
        return f"{FEWER_NUMBERS}: read as {names[own]!r}" if fewer else ""
    others = _by_name()[1].get(form(label), set()) - {own}
    return f"{TWO_CLASSES}: read as {names[own]!r}, not {names[min(others)]!r}" if others else ""


def counts_fewer(labels: Iterable[str]) -> bool:
    """Whether folders are numbered from 0 without a gap, but not up to the last class.

    Then they may be the first classes of ImageNet, or any others that someone numbered.
    """
    numbers = _numbers(labels)
    n = len(numbers)
    return 1 < n < len(imagenet.synsets()) and numbers == list(range(n))


def check_numbers(name: str, labels: Iterable[str], say: Callable[[str], None]) -> None:
    """Refuse folders whose numbers start at 1, which would name the class after each.

    Raises
    ------
    CoodError
        If there is a folder 1000, which is one more than the last class, or folders from 1 on
        without a gap and without 0.
    """
    numbers = _numbers(labels)
    last = len(imagenet.synsets())
    if last in numbers or (len(numbers) > 1 and numbers == list(range(1, len(numbers) + 1))):
        raise CoodError(
            f"id_sets.{name}: the folders are numbered {numbers[0]} to {numbers[-1]}, but classes "
            f"are numbered 0 to {last - 1}; subtract 1 from each, or name the folders by WordNet id"
        )
    for number in [n for n in numbers if n < last][:1]:
        named = imagenet.class_names()[number]
        say(f"{name}: classes are numbered from 0: folder {number} is {named!r}")


def _numbers(labels: Iterable[str]) -> list[int]:
    return sorted({int(label) for label in labels if _is_number(label)})


def _is_number(label: str) -> bool:
    return label.isascii() and label.isdigit()


@cache
def _by_synset() -> dict[str, int]:
    return {id_: i for i, id_ in enumerate(imagenet.synsets())}


@cache
def _by_name() -> tuple[dict[str, set[int]], dict[str, set[int]]]:
    """Classes that have a name in open_clip or first in WordNet, and that have it at all."""
    main: dict[str, set[int]] = {}
    every: dict[str, set[int]] = {}
    for i, (own, names) in enumerate(zip(imagenet.class_names(), imagenet.lemmas(), strict=True)):
        for name in (own, names[0]):
            main.setdefault(form(name), set()).add(i)
        for name in (own, *names):
            every.setdefault(form(name), set()).add(i)
    return main, every
