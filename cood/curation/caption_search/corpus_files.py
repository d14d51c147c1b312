"""Which files a corpus has: those that are read, and those that were named before."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from cood.curation.caption_search.caption_files import ARCHIVES, CHECKSUMS, LISTED, NOTES
from cood.curation.caption_search.text_streams import DECOMPRESSORS
from cood.errors import ArtefactError
from cood.files import find_files
from cood.settings import Corpus
from cood.settings.study_file import Study

PACKED = tuple(DECOMPRESSORS)


def files_of(study: Study, corpus: Corpus) -> tuple[list[str], Sequence[str] | None]:
    """The files of a corpus, and the columns of its captions (None: those of `caption_files`)."""
    if corpus.files is None:
        file = study.paths.model(str(corpus.model)) / "captions.parquet"
        if not file.is_file():
            raise ArtefactError(f"{file} does not exist; `nox -s reproduce` makes it")
        return [str(file)], ["caption"]
    columns = [corpus.column] if isinstance(corpus.column, str) else corpus.column
    root, endings = study.paths.root, LISTED + NOTES
    found = find_files(corpus.files, root, endings)
    named = [place for place in corpus.files if not (root / Path(place).expanduser()).is_dir()]
    about = notes_on_others(found) - set(find_files(named, root, endings))
    return [file for file in found if file not in about], columns


def notes_on_others(files: Sequence[str]) -> set[str]:
    """Which files say something of one beside them, by their names.

    img2dataset writes `00000_stats.json` beside `00000.parquet`, and `1.json` and `1.txt` beside
    `1.jpg`.
    """
    stems: dict[Path, set[str]] = {}
    found = set()
    for file in map(Path, files):
        if not file.name.lower().endswith(NOTES):
            continue
        if file.parent not in stems:
            inside = file.parent.iterdir() if file.parent.is_dir() else ()
            others = [path.name for path in inside if path.is_file()]
            none = (*NOTES, *ARCHIVES, *CHECKSUMS)
            stems[file.parent] = {_stem(n) for n in others if not n.lower().endswith(none)}
        if _stem(file.name).removesuffix("_stats") in stems[file.parent]:
            found.add(str(file))
    return found


def _stem(name: str) -> str:
    return name.partition(".")[0]


def copies(files: Sequence[str]) -> dict[str, str]:
    """Files that were named before, and why: by a link or another path, or packed beside it."""
    first: dict[tuple[int, int], str] = {}
    found = {}
    for file in files:
        bare = file.removesuffix(Path(file).suffix) if file.lower().endswith(PACKED) else file
        if bare != file and bare in files:
            found[file] = f"is {Path(bare).name}, packed, by its name; only that is read"
        elif Path(file).is_file():
            about = os.stat(file)
            other = first.setdefault((about.st_dev, about.st_ino), file)
            if other != file:
                found[file] = f"is the same file as {other}, which is read"
    return found
