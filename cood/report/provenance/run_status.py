"""What made a report: commit, study file, versions, machine, and what each stage cost."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

import pandas as pd

from cood.evaluation.collect import AGREEMENT
from cood.files import read_table
from cood.report.provenance.commit import commit
from cood.settings.study_file import Study
from cood.stages import STAGES, benchmark

SHOWN = (
    *(
        "torch",
        "open_clip_torch",
        "timm",
        "diffusers",
        "transformers",
        "numpy",
        "pandas",
        "polars",
        "scikit-learn",
        "statsmodels",
    ),
    *("seaborn", "qtawesome", "snakemake", "papermill", "jupyter-book", "sphinx-book-theme"),
)


def environment(study: Study) -> pd.DataFrame:
    """Table of `item` and `value`: what this report was made of and on."""
    file = study.file
    rows = [
        ("Study", study.name),
        ("Study file", f"{file.name}, sha256 {hashlib.sha256(file.read_bytes()).hexdigest()[:16]}"),
        ("Commit", commit(study.paths.root)),
        ("Seed", study.seed),
        ("Python", platform.python_version()),
        ("System", machine()),
        *versions().items(),
    ]
    return pd.DataFrame(rows, columns=["item", "value"])


def pipeline(study: Study) -> pd.DataFrame:
    """Table of `stage`, `what it does` and `what it writes`: the stages that a study has."""
    rows = [
        (s.command, s.does, s.writes) for s in STAGES.values() if any(True for _ in s.jobs(study))
    ]
    return pd.DataFrame(rows, columns=["stage", "what it does", "what it writes"])


def stages(study: Study) -> pd.DataFrame:
    """Table of `stage`, `jobs`, `seconds` (summed over jobs), `longest` and `memory` (peak, MB)."""
    table = (
        _jobs(study)
        .groupby("stage")
        .agg(
            jobs=("seconds", "size"),
            seconds=("seconds", "sum"),
            longest=("seconds", "max"),
            memory=("memory", "max"),
        )
    )
    table = table.reindex([stage for stage in STAGES if stage in table.index]).reset_index()
    return table.assign(stage=[STAGES[name].title for name in table["stage"]]).round(1)


def cost(study: Study) -> pd.DataFrame:
    """Table of `item` and `value`: how long the report took, and on what.

    A stage that had nothing to do counts with its last run. The time on the clock is that in which
    at least one job ran; the minutes of the jobs are more where several ran at a time.
    """
    jobs = _jobs(study)
    busy = covered(jobs["end"] - jobs["seconds"], jobs["end"])
    most = jobs["memory"].max()
    rows = [
        ("Jobs", len(jobs)),
        ("Time on the clock", f"{busy / 60:.0f} min"),
        ("Time of all jobs, added up", f"{jobs['seconds'].sum() / 60:.0f} min"),
        ("Most memory of one job", f"{most / 1000:.1f} GB" if most > 0 else "not known"),
        ("Machine", machine()),
    ]
    return pd.DataFrame(rows, columns=["item", "value"])


def machine() -> str:
    """The machine in words; GPUs are not looked for."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def precision(study: Study) -> pd.DataFrame:
    """Table of how models embedded, a row a `precision`, with the worst agreement of all models.

    `models`, and of half precision the images and texts that were `embedded again` in single
    precision, the smallest cosine with single precision of `images` and of `texts` in samples of
    each set, and the smallest share of images with the `same answers`.
    """
    files = [file for file in (study.paths.models, study.paths.image_encoders) if file.is_file()]
    tables = [read_table(file) for file in files]
    columns = {"embedded_again": "sum", **dict.fromkeys(AGREEMENT, "min")}
    models = pd.concat([pd.DataFrame(columns=["model", "precision", *columns]), *tables])
    models = models[models["precision"].fillna("") != ""]
    table = models.groupby("precision").agg({"model": "size", **columns}).reset_index()
    text = {"embedded_again": "{:.0f}", "same_answers": "{:.1%}"}
    for column in columns:
        form = text.get(column, "{:.6f}")
        values = pd.to_numeric(table[column])
        table[column] = [form.format(v) if pd.notna(v) else "" for v in values]
    names = ["precision", "models", "embedded again", "images", "texts", "same answers"]
    if table.empty:  # the page shows a table in any case
        return pd.DataFrame([["not known", *[""] * (len(names) - 1)]], columns=names)
    return table.set_axis(names, axis=1)


def covered(starts: Iterable[float], ends: Iterable[float]) -> float:
    """How long at least one of some spans of time lasts.

    Examples
    --------
    >>> covered([0, 1, 10], [2, 5, 11])
    6.0
    """
    total, until = 0.0, float("-inf")
    for start, end in sorted(zip(starts, ends, strict=True)):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def _jobs(study: Study) -> pd.DataFrame:
    """A row a job that ran: `stage`, `seconds`, `memory` (MB), `end` (seconds of the clock)."""
    rows = []
    for stage in STAGES.values():
        for keys in stage.jobs(study):  # those of models that have left the study do not count
            file = benchmark(study, stage.name, *keys)
            if file.is_file():
                last = pd.read_csv(file, sep="\t", na_values="-").iloc[-1]
                end = file.stat().st_mtime
                rows.append((stage.name, float(last["s"]), float(last["max_rss"]), end))
    return pd.DataFrame(rows, columns=["stage", "seconds", "memory", "end"])


def versions() -> dict[str, str]:
    """Version of each of the main packages, by its name."""
    return {package: _version(package) for package in SHOWN}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
