"""Importing a set whose images exist already: a folder, the public release, or an ID set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

import pandas as pd

from cood.settings import IdSet, ReleaseSet
from cood.settings.study_file import Study
from cood.synthesis.external.download import fetch
from cood.synthesis.external.folder_names import lookup, parse
from cood.synthesis.external.imagenet_classes import import_classes
from cood.synthesis.external.source_files import imported_set, list_files, source_path
from cood.synthesis.external.transfer import transfer
from cood.synthesis.manifests import KEPT, image_name

LAYOUT = (
    "images must lie in folders named by an attribute and an object of the study, as "
    "`red apple/1.png`"
)


def import_set(
    study: Study, name: str, cores: int = 1, say: Callable[[str], None] = print
) -> pd.DataFrame:
    """List the files of a set's source, check each image, write the manifest and return it.

    The manifest has a row a file, also of the files that cannot be used: `status` says why, with
    the kind of reason before a colon. `file` is the name in the folder or archive. Rows that name
    no composition of the study have -1 for it. Of files with the same content in one composition,
    the first is kept. The table of isolated words is empty. For an ID set see `import_classes`.

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
    table = _with_compositions(study, list_files(study, name, LAYOUT))
    table = table.assign(generator=settings.generator)
    return transfer(study, name, table, cores, say, LAYOUT)


def _with_compositions(study: Study, table: pd.DataFrame) -> pd.DataFrame:
    """Add what the labels say: composition, words, prompt, and the name of the image."""
    table = table.reindex(columns=["file", "label", "status"])
    words, forms = study.words, lookup(study.words)
    parsed = {label: parse(label, forms) for label in table["label"].unique()}
    answers = table["label"].map(parsed)
    named = (table["status"] == KEPT) & answers.map(lambda pair: isinstance(pair, tuple))
    unnamed = (table["status"] == KEPT) & ~named
    table.loc[unnamed, "status"] = answers[unnamed]
    pairs = [pair if kept else ("", "") for pair, kept in zip(answers, named, strict=True)]
    table["attribute"] = [attribute for attribute, _ in pairs]
    table["object"] = [object_ for _, object_ in pairs]
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
