"""Exporting a set to a folder, in one or more formats, each with a data card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from fnmatch import fnmatch
from pathlib import Path

import pandas as pd

from cood.errors import ArtefactError, CoodError, unknown
from cood.export.card import card
from cood.export.formats import write_parquet, write_release, write_webdataset
from cood.files import TEMPORARY, atomic, locked, read_table
from cood.progress import Progress
from cood.settings.study_file import Study
from cood.synthesis.manifests import KEPT, damaged_image

WRITERS = {"release": write_release, "parquet": write_parquet, "webdataset": write_webdataset}
MARK = "cood-export.json"  # records what a folder is an export of
CARD = "README.md"  # written last: a format with a card is complete
LOCK = ".lock"


def export_set(
    study: Study,
    name: str,
    folder: Path,
    formats: Sequence[str] = tuple(WRITERS),
    say: Callable[[str], None] = print,
) -> None:
    """Write the kept images of a set to ``folder/FORMAT`` for each format, with a card.

    An export that was stopped is resumed: complete files are kept.

    Parameters
    ----------
    study, name
        The study and one of its sets, which has been made.
    folder
        A new or empty folder, or an export of the same set.
    formats
        Any of ``release``, ``parquet`` and ``webdataset``.

    Raises
    ------
    CoodError
        If the folder holds anything else, or there is nothing to export.
    """
    for format_ in formats:
        if format_ not in WRITERS:
            raise CoodError(unknown("format", format_, WRITERS))
    study.set(name)
    manifest = study.paths.manifest(name)
    table = read_table(study.table(name))  # without the images that a verification dropped
    kept = table[table["status"] == KEPT].reset_index(drop=True)
    if kept.empty:
        raise CoodError(f"set {name!r} has no image that was kept, so there is nothing to export")
    if (image := damaged_image(manifest)) is not None:
        raise ArtefactError(
            f"image {manifest.parent / image} is missing or damaged; run `nox -s reproduce`, which "
            "makes it again, then export"
        )
    cards = {format_: card(study, name, table, format_) for format_ in WRITERS}
    _claim(folder, {"study": study.name, "set": name, "contents": _digest(table, cards)})
    with locked(folder / LOCK, f"{folder} is being written to by another export; wait for it"):
        for remnant in folder.rglob(TEMPORARY):  # of a killed export
            remnant.unlink()
        for format_ in formats:
            place = folder / format_
            if (place / CARD).is_file():
                say(f"{name}: {place} is complete already")
                continue
            place.mkdir(exist_ok=True)
            progress = Progress(f"{name}, {format_}", len(kept), say)
            WRITERS[format_](kept, manifest.parent, place, progress.add)
            with atomic(place / CARD) as temporary:
                temporary.write_text(cards[format_], encoding="utf-8")
            say(f"{name}: {len(kept):,} images written to {place}")


def _claim(folder: Path, about: dict[str, str]) -> None:
    """Mark a folder as an export of this set, or refuse a folder that holds anything else."""
    mark = folder / MARK
    if folder.exists() and not folder.is_dir():
        raise CoodError(f"{folder} is a file; give a folder that is new or empty")
    files = [p.name for p in folder.iterdir()] if folder.is_dir() else []
    if MARK in files:
        try:
            own = json.loads(mark.read_text()) == about
        except ValueError:
            own = False
        if not own:
            raise CoodError(
                f"{folder} holds another export, or one of an earlier version of this set; delete "
                "it or give another folder"
            )
    elif any(not fnmatch(file, TEMPORARY) for file in files):
        raise CoodError(f"{folder} is not empty, and not an export; give a new or empty folder")
    else:
        with atomic(mark) as temporary:
            temporary.write_text(json.dumps(about, indent=1) + "\n")


def _digest(table: pd.DataFrame, cards: dict[str, str]) -> str:
    content = table.to_csv(index=False) + json.dumps(cards, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()
