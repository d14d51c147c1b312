"""The images of a user: a folder, read as attributes and objects, and which files are dropped."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from cood.errors import CoodError
from cood.files import sha256
from cood.progress import Progress
from cood.scorecard.labels import split_labels
from cood.synthesis.dropped import dropped_lines
from cood.synthesis.external.source_files import files_in
from cood.synthesis.external.transfer import copy_of
from cood.synthesis.image_files import fault
from cood.synthesis.manifests import KEPT
from cood.vocabulary import Vocabulary

LAYOUT = "images must lie in folders named by an attribute and an object, as `red apple/1.jpg`"
PART = 200  # files above which several processes check them
Rows = Iterable[tuple[str | Path, str, str]]


@dataclass(frozen=True)
class Photos:
    """Images with an attribute and an object each, and the files that are dropped.

    Attributes
    ----------
    folder
        Where the files lie.
    table
        A row a file: `file` (its name in the folder), `attribute`, `object`, `status` (``kept``
        or why it is dropped), and `content` (SHA-256, of kept files).
    words
        The attributes and objects of the kept files, each in alphabetical order.
    """

    folder: Path
    table: pd.DataFrame
    words: Vocabulary

    @property
    def kept(self) -> pd.DataFrame:
        """Rows of the files that are used."""
        return self.table[self.table["status"] == KEPT].reset_index(drop=True)

    @property
    def dropped(self) -> pd.DataFrame:
        """`file` and `reason` of the others."""
        rows = self.table.loc[self.table["status"] != KEPT, ["file", "status"]]
        return rows.rename(columns={"status": "reason"}).reset_index(drop=True)

    @property
    def truth(self) -> np.ndarray:
        """Composition id [n] of each kept file."""
        return self.words.ids(self.kept["attribute"], self.kept["object"])


def read_photos(
    images: str | Path | Rows,
    *,
    intact: Collection[str] = (),
    cores: int = 1,
    say: Callable[[str], None] = print,
) -> Photos:
    """Find the images of a user, check each, and collect their words.

    Parameters
    ----------
    images
        A folder with folders named by an attribute and an object, such as ``red apple/1.jpg``; any
        words (`cood.scorecard.labels`). Or rows of file, attribute and object.
    intact
        SHA-256 of files that need not be decoded: they are known to be images.
    cores
        Threads that check files.
    say
        Called with the progress, if it takes long.

    Raises
    ------
    CoodError
        If there is no such folder, no image can be used, or all show one attribute or one object.
    """
    if isinstance(images, (str, Path)):
        folder = Path(images).expanduser()
        table = _from_folder(folder)
    else:
        folder = Path()
        table = _from_rows(images)
    table = _checked(folder, table, set(intact), cores, say)
    kept = table[table["status"] == KEPT]
    if kept.empty:
        lines = "; ".join(dropped_lines(table["file"], table["status"]))
        raise CoodError(f"images: no file of {_place(images)} can be used: {lines}; {LAYOUT}")
    return Photos(folder, table, _vocabulary(kept, _place(images)))


def _place(images: str | Path | Rows) -> str:
    return str(images) if isinstance(images, (str, Path)) else "the list"


def _from_folder(folder: Path) -> pd.DataFrame:
    if not folder.is_dir():
        raise CoodError(f"images: there is no folder {folder}; correct its path")
    table = files_in(folder)
    if table.empty:
        raise CoodError(f"images: {folder} holds no file; {LAYOUT}")
    pairs = split_labels(table.loc[table["status"] == KEPT, "label"])
    read = [pairs.get(label, "") for label in table["label"]]
    faults = [
        answer if status == KEPT and isinstance(answer, str) else status
        for status, answer in zip(table["status"], read, strict=True)
    ]
    named = [answer if isinstance(answer, tuple) else ("", "") for answer in read]
    return _table(table["file"], named, faults)


def _from_rows(rows: Rows) -> pd.DataFrame:
    listed = [(str(file), " ".join(a.split()), " ".join(o.split())) for file, a, o in rows]
    if not listed:
        raise CoodError("images: the list is empty; give rows of file, attribute and object")
    for file, attribute, object_ in listed:
        if not attribute or not object_:
            raise CoodError(f"images: {file} has no attribute or no object; name both")
    status = [KEPT if Path(file).is_file() else "not a file" for file, _, _ in listed]
    return _table([file for file, _, _ in listed], [row[1:] for row in listed], status)


def _table(
    files: Iterable[str], pairs: Sequence[tuple[str, str]], status: Iterable[str]
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "file": list(files),
            "attribute": [attribute for attribute, _ in pairs],
            "object": [object_ for _, object_ in pairs],
            "status": list(status),
        }
    )


def _checked(
    folder: Path, table: pd.DataFrame, intact: set[str], cores: int, say: Callable[[str], None]
) -> pd.DataFrame:
    """The table with `content`, and with the status of files that are damaged or repeated."""
    usable = table.index[table["status"] == KEPT]
    status, contents = table["status"].to_list(), [""] * len(table)
    first_of_content: dict[tuple[int, str], str] = {}
    pair = table.groupby(["attribute", "object"], sort=False).ngroup()
    progress = Progress("files checked", len(usable), say)
    several = cores > 1 and len(usable) > PART  # fewer are checked before processes have started
    with ProcessPoolExecutor(cores) if several else nullcontext() as pool:
        look = partial(_look, folder, intact)
        names = table.loc[usable, "file"]
        looked = pool.map(look, names, chunksize=PART // 4) if pool else map(look, names)
        for row, (content, reason) in zip(usable, looked, strict=True):
            file = str(table.at[row, "file"])
            reason = reason or copy_of(first_of_content, (int(pair[row]), content), file)
            status[row], contents[row] = reason or KEPT, "" if reason else content
            progress.add(1)
    return table.assign(status=status, content=contents)


def _look(folder: Path, intact: set[str], file: str) -> tuple[str, str | None]:
    """SHA-256 of a file, and why it is no image that can be used, if it is none."""
    path = folder / file
    try:
        content = sha256(path)
    except OSError as error:
        return "", f"damaged: {error.strerror}"
    return content, None if content in intact else fault(path)


def _vocabulary(kept: pd.DataFrame, place: str) -> Vocabulary:
    names = [
        sorted(set(kept[kind]), key=lambda w: (w.casefold(), w)) for kind in ("attribute", "object")
    ]
    for kind, words in zip(("attribute", "object"), names, strict=True):
        if len(words) < 2:
            raise CoodError(
                f"images: all {len(kept)} images of {place} show the {kind} {words[0]!r}; at least "
                f"two {kind}s are needed, else no answer can be wrong"
            )
    return Vocabulary(tuple(names[0]), tuple(names[1]))
