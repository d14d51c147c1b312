"""Transferring the files of a source into a set, with a check of each image.

The source never decides where a file is written: images of an archive are extracted to names made
of words of the vocabulary and a number, and images of a folder are linked.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from cood.errors import CoodError
from cood.files import atomic, sha256, write_table
from cood.progress import Progress
from cood.settings.study_file import Study
from cood.synthesis.decoding import fault_and_changes
from cood.synthesis.external.copies import copy_of, notes_on_two_labels
from cood.synthesis.external.source_files import LARGEST, imported_set, source_path
from cood.synthesis.manifests import KEPT
from cood.synthesis.notes import BETWEEN, join_notes

CHECKED = ["status", "bytes", "content", "changes"]
PART = 2000  # images that a process checks at a time
ISOLATED_COLUMNS = [
    "image",
    "attribute",
    "object",
    "prompt",
    "seed",
    "generator",
    "status",
    "bytes",
]


def transfer(
    study: Study,
    name: str,
    table: pd.DataFrame,
    cores: int,
    say: Callable[[str], None],
    layout: str,
) -> pd.DataFrame:
    """Transfer the files of a table into a set, check them, write the manifest and return it.

    No imported image shows a word alone, so the table of isolated words is empty.

    Parameters
    ----------
    table
        What `list_files` returns, with `image` (name in the set), `composition` (files with the
        same one are compared), `attribute`, `object`, `prompt`, `seed`, `generator` and `note`.
    layout
        How the files should be arranged, for messages.

    Raises
    ------
    CoodError
        If no image can be used.
    """
    place = source_path(study, imported_set(study, name))
    manifest = study.paths.manifest(name)
    table = table.assign(bytes=0, content="", changes="")
    usable = table["status"] == KEPT
    say(f"{name}: checking {usable.sum()} of {len(table)} files in {place}")
    progress = Progress(f"{name}: images checked", int(usable.sum()), say)
    with ProcessPoolExecutor(cores) if cores > 1 else nullcontext() as pool:
        checked = (pool.map if pool else map)(
            partial(_transfer_part, place, manifest.parent), _parts(table[usable])
        )
        for part in checked:
            table.loc[part.index, CHECKED] = part[CHECKED]
            progress.add(len(part))
    table = _noted(table)
    kept = int((table["status"] == KEPT).sum())
    say(f"{name}: {kept} images kept of {len(table)} files")
    if not kept:
        reason = table["status"].str.split(":").str[0].mode()[0]
        raise CoodError(
            f"sets.{name}: no image of {place} can be used, most often for the reason {reason!r}; "
            f"{layout}"
        )
    write_table(table, manifest)
    write_table(table.loc[[], ISOLATED_COLUMNS], study.paths.isolated(name))
    return table


def _noted(table: pd.DataFrame) -> pd.DataFrame:
    """The table with every note of a kept image, and without notes of the others."""
    is_kept = table["status"] == KEPT
    kept = table[is_kept]
    two = notes_on_two_labels(
        kept["file"].tolist(), kept["composition"].tolist(), kept["content"].tolist()
    )
    every = zip(kept["note"], kept["changes"], two, strict=True)
    table = table.assign(note="")
    table.loc[is_kept, "note"] = [
        join_notes(label, *changes.split(BETWEEN), same) for label, changes, same in every
    ]
    return table.drop(columns=["content", "changes"])


def _parts(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    # Compositions stay whole, as duplicates are looked for inside them. Each part opens the
    # archive anew, which takes as long as to decode some hundred images.
    compositions = rows["composition"].unique()
    for group in np.array_split(compositions, max(1, -(-len(rows) // PART))):
        yield rows[rows["composition"].isin(group)]


def _transfer_part(place: Path, folder: Path, rows: pd.DataFrame) -> pd.DataFrame:
    """Transfer images and check them: `CHECKED` of each."""
    archive = None if place.is_dir() else zipfile.ZipFile(place)
    first_of_content: dict[tuple[int, str], str] = {}
    result = []
    for row in rows.itertuples():
        target = folder / row.image
        if archive is None:
            reason = _link(place / row.file, target)
        else:
            reason = _extract(archive, row.file, target)
        content, changes = "", ""
        if reason is None:
            reason, by_rule = fault_and_changes(target)
            changes = join_notes(*by_rule)
        if reason is None:
            content = sha256(target)
            reason = copy_of(first_of_content, (row.composition, content), row.file)
        if reason is None:
            result.append((KEPT, target.stat().st_size, content, changes))
        else:
            target.unlink(missing_ok=True)
            result.append((reason, 0, "", ""))
    if archive is not None:
        archive.close()
    return pd.DataFrame(result, columns=CHECKED, index=rows.index)


def _link(source: Path, target: Path) -> str | None:
    """Link an image; return why it cannot be read, or None."""
    try:
        with source.open("rb"):
            pass
    except OSError as error:
        return f"damaged: {error.strerror}"
    with atomic(target) as temporary:
        temporary.symlink_to(source.resolve())
    return None


def _extract(archive: zipfile.ZipFile, file: str, target: Path) -> str | None:
    """Extract an image; return why it cannot be read, or None."""
    try:
        with archive.open(file) as packed:
            content = packed.read(LARGEST + 1)
    except Exception as error:  # zipfile and its decompressors raise errors of many kinds
        return f"damaged: in the archive, {' '.join(str(error).split())[:100]}"
    with atomic(target) as temporary:
        temporary.write_bytes(content)
    return None
