"""Checking the web links of the book, which takes a network; `build` checks all others."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from cood.errors import CoodError
from cood.report.build.book import gather
from cood.settings.study_file import Study

KNOWN = "https://arxiv.org"  # answers if anything does
BROKEN = ("broken", "timeout")


def check_links(study: Study) -> list[str]:
    """Ask for every web address in the book of a study; give a line for each that fails.

    Raises
    ------
    CoodError
        If there is no network, or Sphinx stops before it has asked.
    """
    if not online():
        raise CoodError(
            f"no network: {KNOWN} does not answer, so web links cannot be checked; links within "
            "the book are checked by `nox -s book`"
        )
    source = gather(study)
    with tempfile.TemporaryDirectory(prefix="cood-") as folder:  # it would spoil _build/html
        command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(source)]
        command += ["--config", str(study.paths.root / "_config.yml"), "--path-output", folder]
        command += ["--builder", "linkcheck", "--all", "-q"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        reports = sorted(Path(folder).rglob("output.json"))
        if not reports:
            raise CoodError(
                f"the links were not checked; jupyter-book says:\n{done.stderr[-2000:]}"
            )
        return failures(reports[0].read_text())


def failures(report: str) -> list[str]:
    """A line for each link that failed; `report` is the JSON lines of Sphinx's linkcheck."""
    rows = [json.loads(line) for line in report.splitlines() if line.strip()]
    return [
        f"{row['filename']}:{row['lineno']}: {row['uri']}: {row['info'] or row['status']}"
        for row in rows
        if row["status"] in BROKEN
    ]


def online() -> bool:
    """Whether the web answers, by the proxy of the environment if there is one."""
    try:
        with urlopen(KNOWN, timeout=10):
            return True
    except HTTPError:
        return True
    except (URLError, OSError):
        return False
