"""Transferring the files of a source into a set, with a check of each image.

The source never decides where a file is written: images of an archive are extracted to names made
of words of the vocabulary and a number, and images of a folder are linked.
"""

from __future__ import annotations

import shutil
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
from cood.synthesis.external.source_files import LARGEST, imported_set, source_path
from cood.synthesis.image_files import fault
from cood.synthesis.manifests import KEPT

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
        same one are compared), `attribute`, `object`, `prompt`, `seed` and `generator`.
    layout
        How the files should be arranged, for messages.

    Raises
    ------
    CoodError
        If no image can be used.
    """
    place = source_path(study, imported_set(study, name))
    manifest = study.paths.manifest(name)
    table["bytes"] = 0
    usable = table["status"] == KEPT
    say(f"{name}: checking {usable.sum()} of {len(table)} files in {place}")
    progress = Progress(f"{name}: images checked", int(usable.sum()), say)
    with ProcessPoolExecutor(cores) if cores > 1 else nullcontext() as pool:
        checked = (pool.map if pool else map)(
            partial(_transfer_part, place, manifest.parent), _parts(table[usable])
        )
        for part in checked:
            table.loc[part.index, ["status", "bytes"]] = part[["status", "bytes"]]
            progress.add(len(part))
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


def _parts(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    # Compositions stay whole, as duplicates are looked for inside them. Each part opens the
    # archive anew, which takes as long as to decode some hundred images.
    compositions = rows["composition"].unique()
    for group in np.array_split(compositions, max(1, -(-len(rows) // PART))):
        yield rows[rows["composition"].isin(group)]


def _transfer_part(place: Path, folder: Path, rows: pd.DataFrame) -> pd.DataFrame:
    """Transfer images and check them: `status` and `bytes` of each."""
    archive = None if place.is_dir() else zipfile.ZipFile(place)
    first_of_content: dict[tuple[int, str], str] = {}
    result = []
    for row in rows.itertuples():
        target = folder / row.image
        if archive is None:
            reason = _link(place / row.file, target)
        else:
            reason = _extract(archive, row.file, target)
        reason = reason or fault(target)
        if reason is None:
            reason = copy_of(first_of_content, (row.composition, sha256(target)), row.file)
        if reason is None:
            result.append((KEPT, target.stat().st_size))
        else:
            target.unlink(missing_ok=True)
            result.append((reason, 0))
    if archive is not None:
        archive.close()
    return pd.DataFrame(result, columns=["status", "bytes"], index=rows.index)


def copy_of(
    first_of_content: dict[tuple[int, str], str], content: tuple[int, str], file: str
) -> str | None:
    """Why a file is not used if an earlier one of its composition has the same content, or None.

    Parameters
    ----------
    first_of_content
        The first file of each content; this one is added if it is the first.
    content
        Composition id and SHA-256 of the file.
    file
        Its name, as the user knows it.
    """
    first = first_of_content.setdefault(content, file)
    return None if first == file else f"copy: the same as {first}"


def _link(source: Path, target: Path) -> str | None:
    """Link an image, or copy it where there are no links; return why it cannot be read, or None."""
    try:
        with source.open("rb"):
            pass
    except OSError as error:
        return f"damaged: {error.strerror}"
    with atomic(target) as temporary:
        try:
            temporary.symlink_to(source.resolve())
        except OSError:  # a file system without links
            shutil.copyfile(source, temporary)
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
