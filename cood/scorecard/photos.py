"""The images of a user: a folder, read as attributes and objects, and which files are dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from cood.errors import CoodError, shortened
from cood.files import sha256
from cood.progress import Progress
from cood.scorecard.labels import split_labels
from cood.synthesis.decoding import fault_and_changes
from cood.synthesis.external.copies import copy_of, notes_on_two_labels
from cood.synthesis.external.folder_names import Label
from cood.synthesis.external.source_files import (
    check_one_split,
    files_in,
    notes_on_outer_folders,
)
from cood.synthesis.manifests import KEPT
from cood.synthesis.notes import BETWEEN, dropped_lines, join_notes
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
        or why it is dropped), `note` (of its label), and of kept files `content` (SHA-256) and
        `changes` (rules of `cood.synthesis.decoding` that changed its pixels).
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
    def noted(self) -> pd.DataFrame:
        """`file` and `note` of kept files whose label or image was not plain."""
        kept = self.kept
        both = zip(kept["note"], kept["changes"], strict=True)
        notes = [
            join_notes(*label.split(BETWEEN), *changes.split(BETWEEN)) for label, changes in both
        ]
        table = pd.DataFrame({"file": kept["file"], "note": notes})
        return table[table["note"] != ""].reset_index(drop=True)

    @property
    def truth(self) -> np.ndarray:
        """Composition id [n] of each kept file."""
        return self.words.ids(self.kept["attribute"], self.kept["object"])


def read_photos(
    images: str | Path | Rows,
    *,
    intact: Mapping[str, str] | None = None,
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
        SHA-256 of files that need not be decoded, as they are known to be images, with their
        `changes`.
    cores
        Threads that check files.
    say
        Called with the progress, if it takes long.

    Raises
    ------
    CoodError
        If there is no such folder, no image can be used, all show one attribute or one object, two
        pairs have one text, or training and validation images lie in one folder.
    """
    if isinstance(images, str) and not images.strip():
        raise CoodError("images: the name of the folder is empty; give its path")
    if isinstance(images, (str, Path)):
        folder = Path(images).expanduser()
        table = _from_folder(folder)
    else:
        folder = Path()
        table = _from_rows(images)
    table = _checked(folder, table, dict(intact or {}), cores, say)
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
    check_one_split("images", folder, table)
    labels = split_labels(table.loc[table["status"] == KEPT, "label"])
    read = [labels.get(label, "") for label in table["label"]]
    faults = [
        answer if status == KEPT and isinstance(answer, str) else status
        for status, answer in zip(table["status"], read, strict=True)
    ]
    named = [answer if isinstance(answer, Label) else Label("", "") for answer in read]
    outer = notes_on_outer_folders(table["file"].tolist(), [status == KEPT for status in faults])
    noted = [
        label._replace(note=join_notes(label.note, note))
        for label, note in zip(named, outer, strict=True)
    ]
    return _table(table["file"], noted, faults)


def _from_rows(rows: Rows) -> pd.DataFrame:
    listed = [_row(number, row) for number, row in enumerate(rows)]
    if not listed:
        raise CoodError("images: the list is empty; give rows of file, attribute and object")
    for file, attribute, object_ in listed:
        if not attribute or not object_:
            raise CoodError(f"images: {file} has no attribute or no object; name both")
    files = [file for file, _, _ in listed]
    return _table(files, [Label(*row[1:]) for row in listed], map(_status, files))


def _row(number: int, row: object) -> tuple[str, str, str]:
    """File, attribute and object of a row of a list."""
    parts = list(row) if isinstance(row, Iterable) and not isinstance(row, str) else []
    text = [isinstance(part, str) for part in parts]
    if text[1:] != [True, True] or not isinstance(parts[0], (str, Path)):
        raise CoodError(
            f"images: row {number} is {shortened(row)}; give rows of file, attribute and object, "
            "all of them text"
        )
    file, *words = parts
    attribute, object_ = (" ".join(word.split()) for word in words)
    return str(Path(file).expanduser()), attribute, object_


def _status(file: str) -> str:
    try:
        return KEPT if Path(file).is_file() else "not a file"
    except OSError as error:  # of names that are too long
        return f"not a file: {error.strerror}"


def _table(files: Iterable[str], labels: Sequence[Label], status: Iterable[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "file": list(files),
            "attribute": [label.attribute for label in labels],
            "object": [label.object for label in labels],
            "status": list(status),
            "note": [label.note for label in labels],
        }
    )


def _checked(
    folder: Path,
    table: pd.DataFrame,
    intact: dict[str, str],
    cores: int,
    say: Callable[[str], None],
) -> pd.DataFrame:
    """The table with `content` and `changes`, and with the status of damaged and repeated files."""
    usable = table.index[table["status"] == KEPT]
    first_of_content: dict[tuple[int, str], str] = {}
    pair = table.groupby(["attribute", "object"], sort=False).ngroup()
    progress = Progress("files checked", len(usable), say)
    several = cores > 1 and len(usable) > PART  # fewer are checked before processes have started
    rows = []
    with ProcessPoolExecutor(cores) if several else nullcontext() as pool:
        look = partial(_look, folder, intact)
        names = table.loc[usable, "file"]
        looked = pool.map(look, names, chunksize=PART // 4) if pool else map(look, names)
        for row, (content, reason, changes) in zip(usable, looked, strict=True):
            file = str(table.at[row, "file"])
            reason = reason or copy_of(first_of_content, (int(pair[row]), content), file)
            rows.append((reason, "", "") if reason else (KEPT, content, changes))
            progress.add(1)
    checked = pd.DataFrame(rows, columns=["status", "content", "changes"], index=usable, dtype=str)
    table = table.assign(content="", changes="")
    table.loc[usable, checked.columns] = checked
    return _with_two_labels(table)


def _with_two_labels(table: pd.DataFrame) -> pd.DataFrame:
    """The table with a note on each kept image that lies under two labels."""
    kept = table[table["status"] == KEPT]
    labels = list(zip(kept["attribute"], kept["object"], strict=True))
    notes = notes_on_two_labels(kept["file"].tolist(), labels, kept["content"].tolist())
    both = zip(kept["note"], notes, strict=True)
    table.loc[kept.index, "note"] = [
        join_notes(*label.split(BETWEEN), same) for label, same in both
    ]
    return table


def _look(folder: Path, intact: dict[str, str], file: str) -> tuple[str, str | None, str]:
    """SHA-256 of a file, why it is no image that can be used (if so), and its `changes`."""
    path = folder / file
    try:
        content = sha256(path)
        if content in intact:
            return content, None, intact[content]
        reason, changes = fault_and_changes(path)
    except OSError as error:
        return "", f"damaged: {error.strerror}", ""
    return content, reason, join_notes(*changes)


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
    try:
        return Vocabulary(tuple(names[0]), tuple(names[1]))
    except ValueError as error:  # two pairs of one text
        raise CoodError(f"images: the labels of {place} cannot be told apart: {error}") from error
