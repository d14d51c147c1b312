"""Checking the web links of the book, for which a network is needed; `build` checks all others."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from cood.errors import CoodError
from cood.report.build.book import gather
from cood.report.build.jupyter_book import build_book
from cood.settings.study_file import Study

PROBE = "https://arxiv.org"  # a reliable address, to see whether there is a network
PROBE_SECONDS = 10
BROKEN = ("broken", "timeout")
LOG_LETTERS = 2000  # of Jupyter Book's messages, in an error


def check_links(study: Study) -> list[str]:
    """Request every web address in the book of a study; return a line for each that fails.

    Raises
    ------
    CoodError
        If there is no network, or Sphinx stops before it has checked the links.
    """
    if not is_online():
        raise CoodError(
            f"web links cannot be checked: {PROBE} does not answer; check the connection and rerun "
            "(links within the book are checked by `nox -s book`, which needs no network)"
        )
    source, config = gather(study), study.paths.root / "_config.yml"
    with tempfile.TemporaryDirectory(prefix="cood-") as folder:  # not in _build/html of the report
        result = build_book(
            source, config, Path(folder), "--builder", "linkcheck", folder=study.paths.root
        )
        reports = sorted(Path(folder).rglob("output.json"))
        if not reports:
            log = result.stderr[-LOG_LETTERS:]
            raise CoodError(f"the links were not checked; jupyter-book reports:\n{log}")
        return failures(reports[0].read_text())


def failures(report: str) -> list[str]:
    """A line for each link that failed; `report` is the JSON lines of Sphinx's linkcheck."""
    rows = [json.loads(line) for line in report.splitlines() if line.strip()]
    return [
        f"{row['filename']}:{row['lineno']}: {row['uri']}: {row['info'] or row['status']}"
        for row in rows
        if row["status"] in BROKEN
    ]


def is_online() -> bool:
    """Whether a web server answers, through the proxy of the environment if there is one."""
    try:
        with urlopen(PROBE, timeout=PROBE_SECONDS):
            return True
    except HTTPError:
        return True
    except (URLError, OSError):
        return False
