"""Reading and writing artefacts: whole or not at all, and never pickled."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from cood.errors import ArtefactError, CoodError

if TYPE_CHECKING:
    import pandas as pd  # imported where tables are read: most of what a light command imports

TEMPORARY = ".*.tmp"  # files that a killed process may leave
REMOTE = "://"  # in the address of a remote file
# Key of the metadata of embeddings that a model has none of and, with the same weights, never has.
FINAL = "final"


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; rename it to `path` when the block ends well.

    Raises
    ------
    ArtefactError
        If it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ArtefactError(
            f"cannot write {path}: {reason}; make sure that its folder is writable and has space, "
            "then run again: completed outputs are kept"
        ) from error
    finally:
        if temporary.parent.is_dir():
            temporary.unlink(missing_ok=True)


def write_table(table: pd.DataFrame, path: Path, compression: str = "snappy") -> None:
    """Write a table as parquet."""
    with atomic(path) as temporary:
        table.to_parquet(temporary, index=False, compression=compression)


def read_table(path: Path) -> pd.DataFrame:
    """Read a parquet table.

    Raises
    ------
    ArtefactError
        If the file is missing or damaged.
    """
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def write_tensors(
    tensors: Mapping[str, np.ndarray], path: Path, metadata: Mapping[str, str]
) -> None:
    """Write named arrays as safetensors."""
    with atomic(path) as temporary:
        save_file(
            {k: np.ascontiguousarray(v) for k, v in tensors.items()}, temporary, dict(metadata)
        )


def read_tensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read named arrays and their metadata from a safetensors file.

    Raises
    ------
    ArtefactError
        If the file is missing or damaged.
    """
    try:
        with safe_open(path, "numpy") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise _damaged(path, error) from error


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    ArtefactError
        If the file is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def files_below(folder: Path) -> list[Path]:
    """Files at any depth of a folder, sorted; links to folders are followed.

    A link to a folder that holds it is not followed: it is listed itself, as are links to nothing.

    Raises
    ------
    CoodError
        If a folder cannot be read: its files would be missing without a word.
    """
    found: list[Path] = []
    queue = [(folder, frozenset[tuple[int, int]]())]
    while queue:
        place, above = queue.pop()
        here = above | {_identity(place)}
        for entry in _entries(place):
            path = place / entry.name
            if _is_dir(entry) and not (entry.is_symlink() and _identity(path) in here):
                queue.append((path, here))
            else:
                found.append(path)
    return sorted(found)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise CoodError(
            f"the folder {folder} cannot be read ({error.strerror}); make it readable, or move it "
            "elsewhere"
        ) from error


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def find_files(places: Sequence[str], root: Path, endings: Sequence[str]) -> list[str]:
    """Files named by paths, globs, folders and remote addresses, each once, in that order.

    Local places are relative to `root`. A folder stands for all files in it, at any depth, that
    have one of the endings. A place that names nothing is returned as it is, so that reading it
    reports the error.
    """
    files: dict[str, None] = {}
    for place in places:
        files |= dict.fromkeys([place] if REMOTE in place else _local(place, root, endings))
    return list(files)


def _local(place: str, root: Path, endings: Sequence[str]) -> list[str]:
    path = root / Path(place).expanduser()
    if path.is_dir():
        inside = [
            str(p)
            for p in files_below(path)
            if p.name.lower().endswith(tuple(endings)) and not _is_hidden(p.relative_to(path))
        ]
        return inside or [str(path)]
    if path.exists():
        return [str(path)]
    pattern = str(path) if Path(place).expanduser().is_absolute() else place
    # Signs of a glob in the path of the project are part of its name.
    found = glob.glob(pattern, root_dir=root, recursive=True)
    return sorted(str(root / file) for file in found) or [str(path)]


def _is_hidden(path: Path) -> bool:
    """Whether a file is hidden, such as the copies that Jupyter, macOS and editors make."""
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def size_of(file: str) -> tuple[int, int]:
    """Bytes and time of change of a local file; zeros if it is remote or does not exist."""
    try:
        about = os.stat(file)
    except OSError:
        return 0, 0
    return about.st_size, about.st_mtime_ns


def listing(files: Iterable[Path], folder: Path) -> str:
    """Short hash of the names, sizes and times of change of files; `folder` is left out of names.

    Hidden files do not count, nor what is no file.
    """
    digest = hashlib.sha256()
    for file in files:
        if file.name.startswith(".") or not file.is_file():
            continue
        about = file.stat()
        name = os.path.relpath(file, folder)
        digest.update(f"{name}|{about.st_size}|{about.st_mtime_ns}\n".encode(errors="replace"))
    return digest.hexdigest()[:12]


def _identity(folder: Path) -> tuple[int, int]:
    about = folder.stat()
    return about.st_dev, about.st_ino


def sha256(path: Path) -> str:
    """SHA-256 of the content of a file."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def damage(path: Path) -> str | None:
    """What is wrong with an artefact, by its header and size alone; None if it is whole."""
    try:
        if not path.stat().st_size:
            return "empty"
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq

            pq.read_metadata(path)
        elif path.suffix == ".safetensors":
            with safe_open(path, "numpy"):
                pass
        elif path.suffix in {".json", ".ipynb"}:
            json.loads(path.read_text())
    except (OSError, ValueError, SafetensorError) as error:
        return str(error).split("\n")[0]
    return None


def left_out(path: Path) -> str | None:
    """Why an intact file of embeddings holds none, and may another time; else None.

    Its model could not be loaded. If it could, and has no usable embeddings, the reason is `FINAL`.
    """
    if path.suffix != ".safetensors":
        return None
    with safe_open(path, "numpy") as file:
        metadata = file.metadata() or {}
    return None if FINAL in metadata else metadata.get("missing")


def _damaged(path: Path, error: Exception) -> ArtefactError:
    if not path.exists():
        return ArtefactError(f"{path} does not exist; `nox -s reproduce` makes it")
    reason = str(error).split("\n")[0]
    return ArtefactError(f"{path} is damaged ({reason}); delete it and run `nox -s reproduce`")


@contextmanager
def locked(path: Path, busy: str) -> Iterator[None]:
    """Hold a lock of the operating system, which ends with the process, even a killed one.

    Raises
    ------
    ArtefactError
        With the message `busy` if another process holds the lock, or if `path` cannot be written.
    """
    # A lock that is no more than a file would outlive a killed process.
    lock = FileLock(path, fallback_to_soft=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except Timeout as error:
        raise ArtefactError(busy) from error
    except OSError as error:
        raise ArtefactError(
            f"cannot write {path}: {error.strerror}; make sure that its folder is writable, then "
            "run again"
        ) from error
    try:
        yield
    finally:
        lock.release()
