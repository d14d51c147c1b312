"""The files that a set is imported from: a folder of images, or the archive of the release."""

from __future__ import annotations

import re
import stat
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from cood.errors import CoodError
from cood.files import files_below
from cood.settings import ExternalSet, IdSet, ReleaseSet
from cood.settings.study_file import Study
from cood.synthesis.image_files import SUFFIXES
from cood.synthesis.manifests import KEPT

LARGEST = 100 * 2**20  # bytes of one image in an archive
INNER = "label of the innermost folder: its name was read"
ENCRYPTED = 1  # flag of an entry of an archive
ImportedSet = ExternalSet | IdSet
# Words in names of folders that say which split the images are of.
SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def imported_set(study: Study, name: str) -> ImportedSet:
    """The settings of a set whose images exist already.

    Raises
    ------
    StudyError
        If the study has no such set.
    TypeError
        If its images are made here.
    """
    settings = study.set_or_id_set(name)
    if not isinstance(settings, ImportedSet):
        raise TypeError(f"set {name!r} is made, not imported: its source is {settings.source!r}")
    return settings


def source_path(study: Study, settings: ImportedSet) -> Path:
    """The folder or archive that the images of a set come from."""
    place = settings.file if isinstance(settings, ReleaseSet) else settings.folder
    return study.paths.root / Path(place).expanduser()


def list_files(study: Study, name: str, layout: str) -> pd.DataFrame:
    """`file`, `label` and `status` of each file of a set, sorted by name; no hidden files.

    Raises
    ------
    CoodError
        If there is no such folder or archive, or no file in it; `layout` says in the message how
        the files should be arranged.
    """
    settings = imported_set(study, name)
    place = source_path(study, settings)
    if not place.exists() or not (place.is_dir() or isinstance(settings, ReleaseSet)):
        raise CoodError(f"sets.{name}: there is no folder {place}; correct it in the study file")
    table = files_in(place)
    if table.empty:
        raise CoodError(f"sets.{name}: {place} holds no file; {layout}")
    if not isinstance(settings, ReleaseSet):  # which is as its authors arranged it
        check_one_split(f"sets.{name}", place, table)
    return table


def check_one_split(where: str, place: Path, table: pd.DataFrame) -> None:
    """Refuse a folder with images of training and of validation or test in folders so named.

    Parameters
    ----------
    where
        What to call the set in the message.
    place, table
        The folder, and what `files_in` gives of it.

    Raises
    ------
    CoodError
        If images would be counted as one set that are two.
    """
    folders: dict[str, str] = {}
    for file in table.loc[table["status"] == KEPT, "file"]:
        parts = _posix(file).parts[:-2]  # without the label and the name
        for depth, part in enumerate(parts, start=1):
            words = re.split(r"[\d\W_]+", part.casefold())
            for word in {re.sub(r"(set|data|images|imgs?)$", "", w) for w in words} & SPLITS.keys():
                folders.setdefault(SPLITS[word], "/".join(parts[:depth]))
    if len(folders) > 1:
        first, second, *_ = folders.values()
        raise CoodError(
            f"{where}: {place} holds images of several splits, {first} and {second}; give the "
            f"folder of one, such as {place / second}"
        )


def notes_on_outer_folders(files: Sequence[str], is_used: Sequence[bool]) -> list[str]:
    """A note [n] for each file whose folder lies in folders, where these differ; else empty.

    Parameters
    ----------
    files, is_used
        Names in the folder or archive [n], and which of them are used.

    Examples
    --------
    >>> notes_on_outer_folders(["red/toy car/1.png", "blue hat/1.png"], [True, True])
    ['label of the innermost folder: its name was read, not red', '']
    >>> notes_on_outer_folders(["all/red car/1.png", "all/blue hat/1.png"], [True, True])
    ['', '']
    """
    outer = ["/".join(_posix(file).parts[:-2]) for file in files]
    if len({place for place, used in zip(outer, is_used, strict=True) if used}) < 2:
        return [""] * len(outer)
    return [f"{INNER}, not {place}" if place else "" for place in outer]


def files_in(place: Path) -> pd.DataFrame:
    """`file`, `label` (its folder) and `status` of each file of a folder or archive, by name."""
    return pd.DataFrame(_rows(place), columns=["file", "label", "status"])


def _rows(place: Path) -> Iterator[dict[str, str]]:
    entries = _in_folder(place) if place.is_dir() else _in_archive(place)
    for file, reason in sorted(entries):
        path = _posix(file)
        hidden = any(part.startswith(".") and part != ".." for part in path.parts)
        if hidden or "__MACOSX" in path.parts:
            continue
        if not reason and path.suffix.lower() not in SUFFIXES:
            reason = "not an image: by its name"
        yield {"file": file, "label": path.parent.name, "status": reason or KEPT}


def _in_folder(place: Path) -> Iterator[tuple[str, str]]:
    """File and reason why it cannot be used (empty if it can) of a folder."""
    for path in files_below(place):
        reason = ""
        if path.is_dir():
            reason = "not a file: a link to a folder that it lies in"
        elif not path.is_file():  # a broken link, a pipe
            reason = "not a file"
        name = path.relative_to(place).as_posix()
        readable = name.encode(errors="backslashreplace").decode()
        if readable != name:  # holds bytes that no table can hold
            reason = "bad path: no Unicode"
        yield readable, reason


def _in_archive(place: Path) -> Iterator[tuple[str, str]]:
    """File and reason why it cannot be used (empty if it can) of an archive."""
    try:
        with zipfile.ZipFile(place) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError) as error:
        raise CoodError(f"{place} cannot be read as a zip archive ({error})") from error
    for entry in entries:
        if not entry.is_dir():
            yield entry.filename, _archive_fault(entry)


def _archive_fault(entry: zipfile.ZipInfo) -> str:
    path = _posix(entry.filename)
    if ".." in path.parts or path.is_absolute():
        return "bad path: it leads out of the archive"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "not a file"
    if entry.flag_bits & ENCRYPTED:
        return "damaged: encrypted"
    if entry.file_size > LARGEST:
        return f"too large: more than {LARGEST:,} bytes"
    return ""


def _posix(file: str) -> PurePosixPath:
    return PurePosixPath(file.replace("\\", "/"))  # archives made on Windows have backslashes
