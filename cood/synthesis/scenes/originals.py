"""Reading rows of the published files of 3D Shapes and dSprites; nothing is unpickled."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np

from cood.errors import CoodError
from cood.factors.table import Table
from cood.settings import PUBLISHED_SIZE

BLOCK = 2**24  # bytes read at a time from a compressed file
TOLERANCE = 1e-5  # of labels in single precision


def read_shapes3d(file: Path, table: Table, scenes: np.ndarray) -> np.ndarray:
    """Images of `3dshapes.h5`: `images` [N, 64, 64, 3] and `labels` [N, 6], which are values.

    Parameters
    ----------
    file
        The published file.
    table
        Its factors; a scene is a row of the file.
    scenes
        Rows [n], in any order.

    Returns
    -------
    numpy.ndarray
        Pixels [n, 64, 64, 3], uint8.

    Raises
    ------
    CoodError
        If the file is missing, damaged, or does not fit the table.
    """
    import h5py

    check_present(file, table)
    shapes = {
        "images": (table.size, PUBLISHED_SIZE, PUBLISHED_SIZE, 3),
        "labels": (table.size, len(table.factors)),
    }
    rows, back = np.unique(scenes, return_inverse=True)  # h5py wants them in order
    try:
        with h5py.File(file) as opened:
            for key, shape in shapes.items():
                _check_shape(file, key, opened[key].shape if key in opened else None, shape)
            labels, pixels = opened["labels"][rows], opened["images"][rows]
    except OSError as error:
        raise _damaged(file, table, error) from error
    _check_values(file, table, rows, labels, table.values(table.ids(rows)))
    return np.asarray(pixels, dtype=np.uint8)[back]


def read_dsprites(file: Path, table: Table, scenes: np.ndarray) -> np.ndarray:
    """Images of `dsprites_*.npz`: `imgs` [N, 64, 64] of 0 and 1, and `latents_classes` [N, 1 + 5].

    Parameters, result and errors are those of `read_shapes3d`; white is 255. The first class is
    the colour. The file's `metadata` is pickled, and is not read.
    """
    check_present(file, table)
    rows, back = np.unique(scenes, return_inverse=True)
    try:
        with zipfile.ZipFile(file) as archive:
            shape: tuple[int, ...] = (table.size, 1 + len(table.factors))
            classes = _rows(archive, file, "latents_classes", shape, rows)
            _check_values(file, table, rows, classes[:, 1:], table.ids(rows))
            shape = (table.size, PUBLISHED_SIZE, PUBLISHED_SIZE)
            grey = _rows(archive, file, "imgs", shape, rows)
    except (OSError, zipfile.BadZipFile, EOFError, ValueError) as error:
        raise _damaged(file, table, error) from error
    return np.repeat(np.where(grey > 0, 255, 0).astype(np.uint8)[back, ..., None], 3, axis=-1)


def check_present(file: Path, table: Table) -> None:
    """Raise a CoodError that says where to get the published file, if it does not exist."""
    if not file.is_file():
        raise CoodError(
            f"{file} does not exist; {table.title} ({table.citation}) says where to download it; "
            "or remove `file` from the study, and the scenes are rendered here"
        )


READERS: dict[str, Callable[[Path, Table, np.ndarray], np.ndarray]] = {
    "shapes3d": read_shapes3d,
    "dsprites": read_dsprites,
}


def _rows(
    archive: zipfile.ZipFile, file: Path, key: str, shape: tuple[int, ...], rows: np.ndarray
) -> np.ndarray:
    """Rows of an array; the file is read in blocks, as the array of images has 3 GB."""
    name = f"{key}.npy"
    if name not in archive.namelist():
        _check_shape(file, key, None, shape)
    with archive.open(name) as stream:
        stored, dtype = _header(stream)
        _check_shape(file, key, stored, shape)
        if dtype.hasobject:
            raise CoodError(f"{file}: {key} holds pickled objects, which are never loaded")
        width = int(np.prod(shape[1:])) * dtype.itemsize
        step = max(1, BLOCK // width)
        parts = [np.empty((0, *shape[1:]), dtype)]
        for start in range(0, int(rows[-1]) + 1, step):
            n = min(step, shape[0] - start)
            block = np.frombuffer(stream.read(n * width), dtype).reshape(n, *shape[1:])
            here = rows[(rows >= start) & (rows < start + n)]
            parts.append(block[here - start])
    return np.concatenate(parts)


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(stream)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in read:
        raise ValueError(f"version {version} of its format is not supported")
    shape, by_column, dtype = read[version](stream)
    if by_column:
        raise ValueError("it is stored by columns")
    return shape, dtype


def _check_shape(
    file: Path, key: str, shape: tuple[int, ...] | None, expected: tuple[int, ...]
) -> None:
    if shape != expected:
        has = "is missing" if shape is None else f"has the shape {shape}"
        raise CoodError(f"{file}: {key} {has}, expected {expected}; is it the published file?")


def _check_values(
    file: Path, table: Table, rows: np.ndarray, values: np.ndarray, expected: np.ndarray
) -> None:
    wrong = np.argwhere(np.abs(values - expected) > TOLERANCE)
    if len(wrong):
        row, k = wrong[0]
        raise CoodError(
            f"{file}: row {rows[row]} has {values[row, k]} for {table.names[k]}, expected "
            f"{expected[row, k]}; is it the published file?"
        )


def _damaged(file: Path, table: Table, error: Exception) -> CoodError:
    reason = str(error).split("\n")[0]
    return CoodError(f"{file} cannot be read ({reason}); download it again: {table.citation}")
