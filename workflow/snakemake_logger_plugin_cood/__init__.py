"""Snakemake's events as lines for people: what runs, how many of how many, how long it took.

Snakemake finds this module by its name; `cood reproduce` puts its folder on the path.
"""

from __future__ import annotations

import re
import sys
import time
from logging import LogRecord

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from cood.stages import OF_RULE

HIDDEN = {"all"}
NOISE = (  # the failed command has said why, and we which it was
    "Exiting because a job",
    "Error in rule",
    "returned non-zero exit status",
    "At least one job did not complete",
)
REASONS = {
    "Missing output files": "not made yet",
    "Input files updated by another job": "its inputs are being remade",
    "Updated input files": "its inputs have changed",
    "Incomplete output files": "was interrupted",
    "Set of input files has changed": "it has other inputs now",
    "Code has changed": "its rule has changed",
    "Params have changed": "its settings, its code or a file that they name has changed",
}
# Paths may hold semicolons too.
BETWEEN = re.compile(rf";\s*(?={'|'.join(REASONS)})|;\s*$")


class LogHandler(LogHandlerBase):
    """Writes a line when a job starts and one when it ends."""

    def __post_init__(self) -> None:
        self.jobs: dict[int, str] = {}
        self.started: dict[int, float] = {}
        self.done = 0
        self.total = 0

    @property
    def writes_to_stream(self) -> bool:  # noqa: D102
        return True

    @property
    def writes_to_file(self) -> bool:  # noqa: D102
        return False

    @property
    def has_filter(self) -> bool:  # noqa: D102
        return True

    @property
    def has_formatter(self) -> bool:  # noqa: D102
        return True

    @property
    def needs_rulegraph(self) -> bool:  # noqa: D102
        return False

    def emit(self, record: LogRecord) -> None:
        """Write what a reader wants to know of one event."""
        event = getattr(record, "event", None)
        if event == LogEvent.RUN_INFO:
            counts = dict(getattr(record, "stats", None) or {})
            self.total = sum(n for rule, n in counts.items() if rule not in HIDDEN | {"total"})
        elif event == LogEvent.JOB_INFO:
            self._job(record)
        elif event == LogEvent.JOB_FINISHED:
            self._finished(record)
        elif event == LogEvent.JOB_ERROR:
            say(f"failed: {self.jobs.get(record.__dict__.get('jobid', -1), 'a job')}")
        elif record.levelname in ("ERROR", "CRITICAL"):
            text = record.getMessage().strip()
            if "died with <Signals" in text:
                say("a job was killed, probably out of memory; rerun to resume")
            elif text and not any(noise in text for noise in NOISE):
                say(text)
        elif record.levelname == "INFO" and record.getMessage().startswith("Nothing to be done"):
            say("nothing to do: everything is up to date")

    def _job(self, record: LogRecord) -> None:
        data = record.__dict__
        if data["rule_name"] in HIDDEN:
            return
        wildcards = " ".join(str(v) for v in (data.get("wildcards") or {}).values())
        stage = OF_RULE.get(data["rule_name"])
        name = f"{stage.progress if stage else data['rule_name']} {wildcards}".strip()
        self.jobs[data["jobid"]] = name
        reason = why(str(data.get("reason") or ""))
        if self.common_settings.dryrun:
            say(f"would {name}: {reason}")
            return
        self.started[data["jobid"]] = time.monotonic()
        say(f"[{len(self.started)}/{self.total}] {name} ({reason})")

    def _finished(self, record: LogRecord) -> None:
        job = record.__dict__.get("job_id", record.__dict__.get("jobid"))
        if job not in self.started:
            return
        self.done += 1
        seconds = time.monotonic() - self.started[job]
        say(f"    {self.jobs[job]}: done in {seconds:.1f} s, {self.total - self.done} to go")


def why(reason: str) -> str:
    """Snakemake's reason for a job, in plain words and without paths of what is merely new."""
    found = []
    for part in filter(None, (p.strip() for p in BETWEEN.split(reason))):
        for start, words in REASONS.items():
            if part.startswith(start):
                found.append(words)
                break
        else:
            found.append(" ".join(part.split())[:300])
    return "; ".join(dict.fromkeys(found))


def say(text: str) -> None:
    """Write a line at once, whole, so that lines of parallel jobs do not mix."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
