"""Snakemake's events as lines for people: what runs, how many of how many, how long it took.

Snakemake finds this module by its name; `cood reproduce` puts its folder on the path.
"""

from __future__ import annotations

import sys
import time
from logging import LogRecord

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

VERBS = {
    "draw": "draw images",
    "generate": "generate images",
    "join": "join the images",
    "ask": "ask whether images show their words:",
    "verify": "join the answers of",
    "train": "train",
    "train_image_encoder": "train without texts",
    "scan": "search the captions of",
    "embed": "embed with",
    "embed_image_encoder": "embed images with",
    "neighbours": "find the nearest training images",
    "score": "score",
    "probe": "probe",
    "linear": "probe linearly",
    "measure": "measure",
    "edit": "edit the embeddings of",
    "track": "measure over training",
    "baselines": "score the baselines",
    "collect": "join the scores",
    "draw_factor_set": "draw factor set",
    "train_factor_model": "train on factors",
    "embed_factors": "embed factor sets with",
    "embed_own_factors": "embed its factor set with",
    "factor_scores": "score on factors",
    "collect_factors": "join the scores on factors",
    "notebook": "run notebook",
    "book": "render the book",
}
HIDDEN = {"all"}
NOISE = (  # the failed command has said why, and we which it was
    "Exiting because a job",
    "Error in rule",
    "returned non-zero exit status",
    "At least one job did not complete",
)
REASONS = {
    "Missing output files": "not made yet",
    "Input files updated by another job": "what it reads is made anew",
    "Updated input files": "what it reads has changed",
    "Incomplete output files": "was interrupted",
    "Set of input files has changed": "it reads other files now",
    "Code has changed": "the pipeline has changed",
    "Params have changed": "its settings, or the code that it runs, have changed",
}


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
                say("a job was killed, most often because memory ran out; run again to go on")
            elif text and not any(noise in text for noise in NOISE):
                say(text)
        elif record.levelname == "INFO" and record.getMessage().startswith("Nothing to be done"):
            say("nothing had to be done: all is up to date")

    def _job(self, record: LogRecord) -> None:
        data = record.__dict__
        if data["rule_name"] in HIDDEN:
            return
        wildcards = " ".join(str(v) for v in (data.get("wildcards") or {}).values())
        name = f"{VERBS.get(data['rule_name'], data['rule_name'])} {wildcards}".strip()
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
    for part in filter(None, (p.strip() for p in reason.split(";"))):
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
