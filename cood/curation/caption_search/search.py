"""Searching the captions of a corpus for the words of all compositions, file by file."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from cood.curation.caption_search.caption_files import open_captions
from cood.curation.caption_search.corpus_files import copies, files_of
from cood.curation.caption_search.matching import find_pairs
from cood.curation.caption_search.tally import FileFacts, Tally
from cood.curation.caption_search.word_forms import Search, search_for
from cood.errors import CoodError
from cood.files import atomic, size_of, write_table
from cood.settings.study_file import Study


def search_captions(
    study: Study, name: str, say: Callable[[str], None] = print, *, code: str
) -> None:
    """Count in how many captions of a corpus the words of each composition occur.

    Written: the pairs (`Paths.caption_hits`) with columns `attribute`, `object`, `rule`, `count`
    and `examples`, for each rule of `RULES`; the files (`Paths.caption_files`) with `file`,
    `column` (that was read), `others` (columns that look like captions too), `captions`, `empty`
    (rows without a caption), `unparsed` (rows that did not parse), `seconds` and `problem`. The
    three counts add up to the rows of the file. `problem` is empty if all of it was read. A file
    that could not be read to its end is skipped, and tried again the next time: it counts nothing.
    The counts of a file are stored until the file (its path, size and time of change), the words
    or the code change, so that no file is read twice, even after a run was killed.

    Parameters
    ----------
    study
        The study.
    name
        Name of the corpus in the study.
    say
        Called with a line of text after each file.
    code
        Identifies the code that counts: if it changes, every file is read again.

    Raises
    ------
    StudyError
        If the study has no such corpus.
    ArtefactError
        If the corpus is that of a model which is not trained yet.
    """
    corpus = study.corpus(name)
    files, columns = files_of(study, corpus)
    search = search_for(study.words)
    parts = study.paths.caption_parts(name)
    total = Tally(search)
    pace = _Pace(files, say)
    rows, used = [], set()
    again = copies(files)
    for file in files:
        if file in again:
            left_out = FileFacts(problem=again[file])
            rows.append({"file": file, **asdict(left_out), "seconds": 0.0})
            pace.report(rows[-1], cached=True)
            continue
        part = parts / f"{_fingerprint(study, file, columns, code)}.parquet"
        used.add(part.name)
        start = time.monotonic()
        tally = Tally.load(part, search)
        cached = tally is not None
        if tally is None:
            try:
                tally = scan_file(file, columns, search, total)
            except CoodError as error:
                tally = Tally(search, FileFacts(problem=str(error)))
            else:
                tally.save(part)
        total.join(tally)
        rows.append({"file": file, **asdict(tally.facts), "seconds": time.monotonic() - start})
        pace.report(rows[-1], cached)
    for old in parts.glob("*.parquet"):
        if old.name not in used:
            old.unlink()
    with atomic(study.paths.caption_hits(name)) as temporary:
        total.table(study.words, search).write_parquet(temporary)
    write_table(pd.DataFrame(rows), study.paths.caption_files(name))


def scan_file(file: str, columns: Sequence[str] | None, search: Search, before: Tally) -> Tally:
    """Count the captions of a file; `before` has the examples of the files before it."""
    tally = before.fresh(search)
    facts = tally.facts
    with open_captions(file, columns) as opened:
        for batch in opened.batches():
            captions = batch.drop_nulls()
            facts.empty += len(batch) - len(captions)
            if len(captions):
                tally.add(captions, find_pairs(captions, search))
        facts.column, facts.others = " + ".join(opened.columns), ", ".join(opened.others)
        facts.unparsed, facts.problem = opened.unparsed.total, opened.unparsed.problem
    return tally


def _fingerprint(study: Study, file: str, columns: Sequence[str] | None, code: str) -> str:
    about = [file, *size_of(file), columns, code, study.vocabulary.model_dump()]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:20]


class _Pace:
    """Reports how fast files are read, and the time left, by their sizes."""

    def __init__(self, files: Sequence[str], say: Callable[[str], None]) -> None:
        # The size of a remote file is unknown before it is read. It counts as one byte, so that the
        # time left is right if all files are remote, or none.
        self.sizes = {file: size_of(file)[0] or 1 for file in files}
        self.left = sum(self.sizes.values())
        self.read, self.seconds, self.done, self.say = 0, 0.0, 0, say

    def report(self, row: Mapping[str, Any], cached: bool) -> None:
        """Report what was read of a file, and the time left."""
        size, seconds, captions = self.sizes[row["file"]], row["seconds"], row["captions"]
        self.left -= size
        self.done += 1
        place = f"[{self.done}/{len(self.sizes)}] {Path(row['file']).name}"
        if row["problem"]:
            self.say(f"{place}: {'' if row['unparsed'] else 'skipped: '}{row['problem']}")
        if row["others"]:
            self.say(f"{place}: {row['column']} was read; {row['others']} may be captions too")
        if row["problem"] and not row["unparsed"]:
            return
        if cached:
            self.say(f"{place}: {captions:,} captions, cached")
        else:
            self.read += size
            self.seconds += seconds
            rate = captions / max(seconds, 1e-9)
            left = self.seconds * self.left / self.read
            self.say(f"{place}: {captions:,} captions, {rate:,.0f} a second, {_clock(left)} left")


def _clock(seconds: float) -> str:
    if seconds >= 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds // 60:.0f}:{seconds % 60:02.0f}"
