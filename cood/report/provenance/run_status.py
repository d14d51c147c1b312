"""What made a report: commit, study file, versions, machine, and what each stage cost."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd

from cood.settings.study_file import Study
from cood.synthesis.generation.shards import shard_names

PACKAGE = Path(__file__).parents[2]
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
STAGES = {
    "draw": "Draw the evaluation sets",
    "generate": "Generate evaluation sets",
    "join": "Join their shards",
    "ask": "Ask what images show",
    "verify": "Keep what shows it",
    "train": "Train the small CLIPs",
    "train_image_encoder": "Train the image-only towers",
    "scan": "Search captions",
    "embed": "Embed images and texts",
    "neighbours": "Find the nearest training images",
    "embed_image_encoder": "Embed images without texts",
    "score": "Score the models",
    "probe": "Probe the models",
    "linear": "Probe linearly",
    "metric": "Measure the models",
    "edit": "Edit the embeddings",
    "track": "Measure them over training",
    "baselines": "Score the baselines",
    "collect": "Join the scores",
    "draw_factor_set": "Draw the factor sets",
    "train_factor_model": "Train on the factor sets",
    "embed_factors": "Embed the factor sets",
    "factor_scores": "Score on the factor sets",
    "collect_factors": "Join the scores on the factor sets",
    "notebook": "Run the notebooks",
    "book": "Render the book (last time)",
}


def fingerprint(*parts: str, without: Iterable[str] = ()) -> str:
    """Short hash of the source of some modules or folders of the package.

    `without` names modules or folders inside them that do not count. Snakemake compares it, so that
    a stage runs again when the code that it runs has changed.
    """
    digest = hashlib.sha256()
    left_out = [PACKAGE / part for part in without]
    for part in parts:
        place = PACKAGE / part
        files = sorted(place.rglob("*")) if place.is_dir() else [place]
        for file in files:
            if any(file.is_relative_to(other) for other in left_out):
                continue
            if file.suffix in {".py", ".json", ".yaml", ".csv"}:
                digest.update(file.relative_to(PACKAGE).as_posix().encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


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
        *((package, _version(package)) for package in SHOWN),
    ]
    return pd.DataFrame(rows, columns=["item", "value"])


def commit(root: Path) -> str:
    """Commit of the working tree, with a note if it was changed since; "unknown" without git."""
    try:
        head = _git(root, "rev-parse", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head[:12] + (" with uncommitted changes" if changed else "")


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
    return table.assign(stage=table["stage"].map(STAGES)).round(1)


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
    # Jobs of models that have left the study do not count.
    verified = list(study.verification.sets) if study.verification else []
    shards = study.verification.shards if study.verification else 0
    with_id = [*study.sets, *study.id_sets]
    jobs_of: dict[str, Iterable[str]] = {
        "draw": with_id,
        "generate": [
            f"{name}-{shard}" for name in study.generated for shard in shard_names(study, name)
        ],
        "join": study.generated,
        "ask": [f"{name}-{k}" for name in verified for k in range(shards)],
        "verify": verified,
        "train": study.trained,
        "train_image_encoder": study.own_image_encoders,
        "scan": study.corpora,
        "embed": [f"{model}-{set_}" for model in study.embedded for set_ in with_id],
        "embed_image_encoder": [
            f"{tower}-{set_}" for tower in study.image_encoders for set_ in with_id
        ],
        "score": study.embedded,
        "probe": study.models,
        "linear": study.probed,
        "metric": study.embedded,
        "edit": study.models,
        "track": study.trained,
        "draw_factor_set": study.factor_sets,
        "train_factor_model": study.factor_models,
        "embed_factors": [
            *study.models,
            *(f"{name}-{model.set}" for name, model in study.factor_models.items()),
        ],
        "factor_scores": [*study.models, *study.factor_models],
        "notebook": study.notebooks,
    }
    names = [f"{stage}-{name}" for stage, known in jobs_of.items() for name in known]
    names += [stage for stage in STAGES if stage not in jobs_of]
    files = [study.paths.benchmarks / f"{name}.tsv" for name in names]
    rows = []
    for file in filter(Path.is_file, files):
        last = pd.read_csv(file, sep="\t", na_values="-").iloc[-1]
        stage, seconds = file.stem.split("-")[0], float(last["s"])
        rows.append((stage, seconds, float(last["max_rss"]), file.stat().st_mtime))
    return pd.DataFrame(rows, columns=["stage", "seconds", "memory", "end"])


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
