"""Importing a set whose images exist already: a folder, the public release, or an ID set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

import pandas as pd

from cood.settings import IdSet, ReleaseSet
from cood.settings.study_file import Study
from cood.synthesis.external.download import fetch
from cood.synthesis.external.folder_names import Label, Lookup, lookup, parse
from cood.synthesis.external.imagenet_classes import import_classes
from cood.synthesis.external.source_files import (
    imported_set,
    list_files,
    notes_on_outer_folders,
    source_path,
)
from cood.synthesis.external.transfer import transfer
from cood.synthesis.manifests import KEPT, image_name
from cood.synthesis.notes import join_notes

LAYOUT = (
    "images must lie in folders named by an attribute and an object of the study, as "
    "`red apple/1.png`"
)
NO_LABEL = Label("", "")


def import_set(
    study: Study, name: str, cores: int = 1, say: Callable[[str], None] = print
) -> pd.DataFrame:
    """List the files of a set's source, check each image, write the manifest and return it.

    The manifest has a row a file, also of the files that cannot be used: `status` says why, with
    the kind of reason before a colon. `note` says of kept images what was not plain: a label that
    can be read in two ways, a folder in other folders, one image under two labels, or a rule of
    `cood.synthesis.decoding` that changed its pixels. `file` is the name in the folder or archive.
    Rows that name no composition of the study have -1 for it. Of files with the same content in one
    composition, the first is kept. The table of isolated words is empty. For an ID set see
    `import_classes`.

    Raises
    ------
    CoodError
        If the folder or archive cannot be read, or no image in it can be used.
    TypeError
        If the images of the set are made here.
    """
    settings = imported_set(study, name)
    if isinstance(settings, IdSet):
        return import_classes(study, name, cores, say)
    if isinstance(settings, ReleaseSet):
        fetch(settings, source_path(study, settings), say)
    release = isinstance(settings, ReleaseSet)
    forms = lookup(study.words, release=release)
    table = _with_compositions(study, list_files(study, name, LAYOUT), forms)
    if not release:  # which is as its authors arranged it
        is_used = (table["status"] == KEPT).tolist()
        outer = notes_on_outer_folders(table["file"].tolist(), is_used)
        table["note"] = [join_notes(*both) for both in zip(table["note"], outer, strict=True)]
    table = table.assign(generator=settings.generator)
    return transfer(study, name, table, cores, say, LAYOUT)


def _with_compositions(study: Study, table: pd.DataFrame, forms: Lookup) -> pd.DataFrame:
    """Add what the labels say: composition, words, prompt, note, and the name of the image."""
    table = table.reindex(columns=["file", "label", "status"])
    words = study.words
    parsed = {label: parse(label, forms) for label in table["label"].unique()}
    answers = table["label"].map(parsed)
    named = (table["status"] == KEPT) & answers.map(lambda answer: isinstance(answer, Label))
    unnamed = (table["status"] == KEPT) & ~named
    table.loc[unnamed, "status"] = answers[unnamed]
    read = [label if is_one else NO_LABEL for label, is_one in zip(answers, named, strict=True)]
    table["attribute"] = [label.attribute for label in read]
    table["object"] = [label.object for label in read]
    table["note"] = [label.note for label in read]
    table["prompt"] = (table["attribute"] + " " + table["object"]).str.strip()
    table["composition"] = -1
    table.loc[named, "composition"] = words.ids(table["attribute"][named], table["object"][named])
    table["seed"] = table.groupby("composition").cumcount()  # the number of the image
    table["image"] = [
        image_name(row.prompt, f"{row.seed}{PurePosixPath(row.file).suffix.lower()}")
        if row.composition >= 0
        else ""
        for row in table.itertuples()
    ]
    return table.drop(columns="label")
