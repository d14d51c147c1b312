"""Sets that are not made here: a folder of images, or the archive of the public release.

Nothing from outside decides where a file is written: images of an archive are extracted to names
made of words of the vocabulary and a number, and images of a folder are linked from there.
"""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from cood.errors import CoodError
from cood.files import atomic, write_table
from cood.progress import Progress
from cood.settings import ExternalSet, IdSet, ReleaseSet
from cood.settings.study_file import Study
from cood.splits import splits
from cood.synthesis.drawing.icon_sets import KEPT, image_name
from cood.synthesis.external.download import fetch
from cood.synthesis.external.folder_names import lookup, parse
from cood.synthesis.image_files import SUFFIXES, fault

PART = 2000  # images that a process checks at a time
LARGEST = 100 * 2**20  # bytes of one image in an archive
LAYOUT = (
    "images must lie in folders named by an attribute and an object of the study, as "
    "`red apple/1.png`"
)
Row = dict[str, str]
Taken = ExternalSet | IdSet  # sets whose files lie somewhere already


def take_set(
    study: Study, name: str, cores: int = 1, say: Callable[[str], None] = print
) -> pd.DataFrame:
    """List the images of a folder or an archive, check each, write the manifest and return it.

    A row a file, the unusable ones too: `status` says why, with the kind of reason before a colon.
    `file` is where it lies in the folder or archive. Rows that name no composition of the study
    have -1 for it. Of files with the same content in one composition, the first is kept. No image
    shows a word alone, so the table of those is empty.

    Raises
    ------
    CoodError
        If the folder or archive cannot be read, or no image in it can be used.
    """
    settings = _taken(study, name)
    if isinstance(settings, ReleaseSet):
        fetch(settings, source_path(study, settings), say)
    table = _named(study, listed(study, name, LAYOUT))
    table = table.assign(generator=settings.generator)
    return bring(study, name, table, cores, say, LAYOUT)


def bring(
    study: Study,
    name: str,
    table: pd.DataFrame,
    cores: int,
    say: Callable[[str], None],
    layout: str,
) -> pd.DataFrame:
    """Bring the files of a table to their places in a set, check them, write and return it.

    Parameters
    ----------
    table
        What `listed` gives, with `image` (place in the set), `composition` (of which files are
        compared), `attribute`, `object`, `prompt`, `seed` and `generator`.
    layout
        How the files should lie, for messages.
    """
    place, manifest = source_path(study, _taken(study, name)), study.paths.manifest(name)
    table["bytes"] = 0
    usable = table["status"] == KEPT
    say(f"{name}: checking {usable.sum()} of {len(table)} files in {place}")
    progress = Progress(f"{name}: images checked", int(usable.sum()), say)
    with ProcessPoolExecutor(cores) if cores > 1 else nullcontext() as pool:
        checked = (pool.map if pool else map)(
            partial(_take, place, manifest.parent), _parts(table[usable])
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
    columns = ["image", "attribute", "object", "prompt", "seed", "generator", "status", "bytes"]
    write_table(table.loc[[], columns], study.paths.isolated(name))
    return table


def _taken(study: Study, name: str) -> Taken:
    settings = study.set_or_id_set(name)
    if not isinstance(settings, Taken):
        raise TypeError(f"set {name!r} is made, not brought: its source is {settings.source!r}")
    return settings


def source_path(study: Study, settings: Taken) -> Path:
    """Where the images of a set come from."""
    given = settings.file if isinstance(settings, ReleaseSet) else settings.folder
    return study.paths.root / Path(given).expanduser()


def state(study: Study, name: str) -> str:
    """Short text that changes when a file of a set's source is added, removed or changed.

    What is downloaded is told by its settings alone: else the set would be made again after it.
    """
    settings = study.set_or_id_set(name)
    if not isinstance(settings, Taken) or getattr(settings, "url", None):
        return ""
    place = source_path(study, settings)
    files = sorted(place.rglob("*")) if place.is_dir() else [place]
    digest = hashlib.sha256()
    for file in files:
        if file.is_file():
            about = file.stat()
            digest.update(f"{file}|{about.st_size}|{about.st_mtime_ns}\n".encode(errors="replace"))
    return digest.hexdigest()[:12]


def listed(study: Study, name: str, layout: str) -> pd.DataFrame:
    """`file`, `label` and `status` of each file of a set, in the order of names.

    Hidden files are left out.

    Raises
    ------
    CoodError
        If there is no such folder or archive, or no file in it; `layout` says how they should lie.
    """
    settings = _taken(study, name)
    place = source_path(study, settings)
    if not place.exists() or not (place.is_dir() or isinstance(settings, ReleaseSet)):
        raise CoodError(f"sets.{name}: there is no folder {place}; correct it in the study file")
    rows = list(_listed(place))
    if not rows:
        raise CoodError(f"sets.{name}: {place} holds no file; {layout}")
    return pd.DataFrame(rows)


def _listed(place: Path) -> Iterator[Row]:
    rows = _in_folder(place) if place.is_dir() else _in_archive(place)
    for file, reason in sorted(rows):
        path = PurePosixPath(file.replace("\\", "/"))  # as archives made on Windows have it
        if path.name.startswith(".") or "__MACOSX" in path.parts:
            continue
        label = path.parent.name
        if not reason and path.suffix.lower() not in SUFFIXES:
            reason = "not an image: by its name"
        yield {"file": file, "label": label, "status": reason or KEPT}


def _in_folder(place: Path) -> Iterator[tuple[str, str]]:
    for folder, _, files in os.walk(place):
        for file in files:
            path = Path(folder, file)
            reason = "" if path.is_file() else "not a file"  # a broken link, a pipe
            name = path.relative_to(place).as_posix()
            readable = name.encode(errors="backslashreplace").decode()
            if readable != name:  # holds bytes that no table can hold
                reason = "bad path: no Unicode"
            yield readable, reason


def _in_archive(place: Path) -> Iterator[tuple[str, str]]:
    try:
        with zipfile.ZipFile(place) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError) as error:
        raise CoodError(f"{place} cannot be read as a zip archive ({error})") from error
    for entry in entries:
        path, reason = PurePosixPath(entry.filename.replace("\\", "/")), ""
        if ".." in path.parts or path.is_absolute():
            reason = "bad path: it leads out of the archive"
        elif stat.S_ISLNK(entry.external_attr >> 16):
            reason = "not a file"
        elif entry.flag_bits & 1:
            reason = "damaged: encrypted"
        elif entry.file_size > LARGEST:
            reason = f"too large: more than {LARGEST:,} bytes"
        if not entry.is_dir():
            yield entry.filename, reason


def _named(study: Study, table: pd.DataFrame) -> pd.DataFrame:
    """Add what the labels say: composition, words, split, prompt, and the image's own name."""
    table = table.reindex(columns=["file", "label", "status"])
    words, known = study.words, lookup(study.words)
    read = {label: parse(label, known) for label in table["label"].unique()}
    found = table["label"].map(read)
    named = (table["status"] == KEPT) & found.map(lambda pair: isinstance(pair, tuple))
    unnamed = (table["status"] == KEPT) & ~named
    table.loc[unnamed, "status"] = found[unnamed]
    pairs = [pair if kept else ("", "") for pair, kept in zip(found, named, strict=True)]
    table["attribute"] = [attribute for attribute, _ in pairs]
    table["object"] = [object_ for _, object_ in pairs]
    table["prompt"] = (table["attribute"] + " " + table["object"]).str.strip()
    table["composition"] = -1
    table.loc[named, "composition"] = words.ids(table["attribute"][named], table["object"][named])
    split = splits(study)
    table["split"] = [split[id_] if id_ >= 0 else "" for id_ in table["composition"]]
    table["seed"] = table.groupby("composition").cumcount()  # the number of the image
    table["image"] = [
        image_name(row.prompt, f"{row.seed}{PurePosixPath(row.file).suffix.lower()}")
        if row.composition >= 0
        else ""
        for row in table.itertuples()
    ]
    return table.drop(columns="label")


def _parts(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    # Compositions stay whole, as copies are looked for inside them. An archive is opened for each
    # part, which takes as long as to decode some hundred images.
    compositions = rows["composition"].unique()
    for group in np.array_split(compositions, max(1, -(-len(rows) // PART))):
        yield rows[rows["composition"].isin(group)]


def _take(place: Path, folder: Path, rows: pd.DataFrame) -> pd.DataFrame:
    """Bring images to their place in the set and check them: `status` and `bytes` of each."""
    archive = None if place.is_dir() else zipfile.ZipFile(place)
    seen: dict[tuple[int, bytes], str] = {}
    result = []
    for row in rows.itertuples():
        target = folder / row.image
        if archive is None:
            reason = _link(place / row.file, target)
        else:
            reason = _extract(archive, row.file, target)
        reason = reason or fault(target)
        if reason is None:
            content = hashlib.sha256(target.read_bytes()).digest()
            first = seen.setdefault((row.composition, content), row.image)
            reason = None if first == row.image else f"copy: the same as {first}"
        if reason is None:
            result.append((KEPT, target.stat().st_size))
        else:
            target.unlink(missing_ok=True)
            result.append((reason, 0))
    if archive is not None:
        archive.close()
    return pd.DataFrame(result, columns=["status", "bytes"], index=rows.index)


def _link(source: Path, target: Path) -> str | None:
    try:
        with source.open("rb"):
            pass
    except OSError as error:
        return f"damaged: {error.strerror}"
    with atomic(target) as temporary:
        temporary.symlink_to(source.resolve())
    return None


def _extract(archive: zipfile.ZipFile, file: str, target: Path) -> str | None:
    try:
        with archive.open(file) as packed:
            content = packed.read(LARGEST + 1)
    except Exception as error:  # zipfile and its decompressors raise all sorts
        return f"damaged: in the archive, {' '.join(str(error).split())[:100]}"
    with atomic(target) as temporary:
        temporary.write_bytes(content)
    return None
