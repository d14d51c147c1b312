"""`cood reproduce`: one run of the Snakemake pipeline at a time, from whatever state it is in."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from shutil import rmtree

from cood.errors import CoodError
from cood.files import locked, read_table
from cood.paths import SNAKEFILE
from cood.pipeline.damage import discard_damaged
from cood.pipeline.environment import PIPELINE
from cood.pipeline.gpus import gpu_names
from cood.pipeline.preflight import check_files, check_settings
from cood.settings.design_models import keep_points
from cood.settings.preprocessing import models_by_preprocessing
from cood.settings.study_file import Study
from cood.stages import CARD
from cood.synthesis.notes import dropped_lines, noted_lines

SHOWN = 5  # files of captions with problems that the end of a run names
WILDCARDS = "{}"
EXPANDED = "'\"$`\\"  # signs that a shell may expand in the commands of a cluster
ELSEWHERE = ("--profile", "--workflow-profile", "--executor", "-e")  # jobs may run on a cluster
ENVIRONMENT = {
    PIPELINE: "1",
    "OMP_NUM_THREADS": "1",
    # glibc: keep freed memory for the next training step, which is a fifth faster.
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "10000000000",
}


def reproduce(study: Study, cores: int, dry_run: bool, extra: Sequence[str] = ()) -> int:
    """Bring a study's report up to date; give Snakemake's exit status.

    Parameters
    ----------
    study
        The study.
    cores
        How many jobs, each of one thread, run at a time.
    dry_run
        Only say what would run, and why.
    extra
        Further options for Snakemake, such as ``--profile FOLDER``.
    """
    start = time.monotonic()
    status = run_jobs(study, cores, dry_run, extra)
    if not status and not dry_run and study.paths.html.is_file():
        report_dropped(study)
        _report_skipped(study)
        report_captions(study)
        seconds = time.monotonic() - start
        print(f"done in {seconds:.0f} s; the report: {study.paths.html.as_uri()}")
    return status


def run_jobs(
    study: Study,
    cores: int,
    dry_run: bool = False,
    extra: Sequence[str] = (),
    targets: Sequence[Path] = (),
) -> int:
    """Do the jobs that some files need, or all of a study; give Snakemake's exit status.

    A lock of the operating system replaces Snakemake's own, which would outlive a killed run.

    Parameters
    ----------
    study, cores, dry_run, extra
        As in `reproduce`.
    targets
        Files that are wanted; by default all.
    """
    check_paths([study.paths.root, study.file.parent], extra)
    check_settings(study)
    check_files(study)
    if not dry_run:
        for file in keep_points(study):
            print(f"design: points written to {file}")
    lock = study.paths.results / ".lock"
    busy = f"study {study.name} is being reproduced by another process; wait for it or stop it"
    # A dry run leaves nothing behind, and where there is no lock nobody holds it.
    unlocked = dry_run and not lock.exists()
    with nullcontext() if unlocked else locked(lock, busy):
        discard_damaged(study, dry_run)
        status = _snakemake(study, cores, dry_run, [*extra, "--", *map(str, targets)])
        if not status and not dry_run and not targets:
            # Where some models were embedded before, none of the others knows that it is the last.
            for preprocessing in models_by_preprocessing(study):
                rmtree(study.paths.pixels(preprocessing.name), ignore_errors=True)
    if status:
        print(
            "not finished: the messages above say why. Completed outputs are kept; rerun to resume",
            file=sys.stderr,
        )
    return status


def check_paths(folders: Sequence[Path], extra: Sequence[str]) -> None:
    """Refuse the few folders in which Snakemake, or a cluster, cannot run jobs.

    Raises
    ------
    CoodError
        If the path of one has a sign that they take for something else.
    """
    wrong = {"Snakemake": WILDCARDS}
    if any(option.startswith(ELSEWHERE) for option in extra):
        wrong["the job script of a cluster"] = EXPANDED
    for folder in folders:
        for reader, signs in wrong.items():
            if set(signs) & set(str(folder)):
                raise CoodError(
                    f"{folder}: {reader} would not take this path as it is written; move the "
                    f"project and the study file to folders without {' '.join(signs)}"
                )


def report_dropped(study: Study) -> None:
    """Say which files of imported sets are not used, and what was noted of the others."""
    made_here = (*study.drawn, *study.generated)
    for name in (*study.sets, *study.id_sets):
        if name in made_here:
            continue
        table = read_table(study.paths.manifest(name))
        lines = dropped_lines(table["file"], table["status"])
        for line in [*lines, *noted_lines(table["file"], table["note"])]:
            print(f"{name}: {line}", file=sys.stderr)


def _report_skipped(study: Study) -> None:
    tables = [study.paths.models]
    if study.image_encoders:
        tables.append(study.paths.image_encoders)
    for table in map(read_table, tables):
        for heading, column in (("skipped", "missing"), ("note", "notes")):
            if column not in table:
                continue
            said = table.loc[table[column] != "", ["model", column]]
            for name, sentence in said.itertuples(index=False):
                print(f"{heading}: {name}: {sentence}", file=sys.stderr)


def report_captions(study: Study) -> None:
    """Say which files of captions, or rows of them, were not read."""
    for corpus in study.corpora:
        files = read_table(study.paths.caption_files(corpus))
        problems = files.loc[files["problem"] != "", ["file", "problem"]]
        for file, problem in problems.head(SHOWN).itertuples(index=False):
            print(f"captions of {corpus}: {file}: {problem}", file=sys.stderr)
        if len(problems) > SHOWN:
            more = len(problems) - SHOWN
            print(f"captions of {corpus}: problems in {more} more files", file=sys.stderr)


def _snakemake(study: Study, cores: int, dry_run: bool, extra: Sequence[str]) -> int:
    # In this very process, so that whoever kills it kills the scheduler too.
    from snakemake.cli import main

    root = study.paths.root
    workflow = str(root / "workflow")  # where Snakemake finds our progress display
    os.environ.update(ENVIRONMENT)
    os.environ["PYTHONPATH"] = _joined_path(workflow, os.environ.get("PYTHONPATH"))
    # The `cood` of this very environment, even when it is not activated.
    os.environ["PATH"] = _joined_path(os.path.dirname(sys.executable), os.environ.get("PATH"))
    sys.path.insert(0, workflow)
    command = [
        f"--snakefile={root / SNAKEFILE}",
        f"--directory={root}",
        f"--cores={cores}",
        *_limits(extra),
        "--nolock",
        "--rerun-incomplete",
        "--keep-going",
        "--logger=cood",
        # With a thousand jobs, the default one takes longer to choose the next than it runs.
        "--scheduler=greedy",
        "--config",
        config_of(study),
    ]
    if dry_run:
        command.append("--dry-run")
    try:
        main([*command, *extra])
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    return 0


def config_of(study: Study) -> str:
    """The option of Snakemake that names the study file.

    It is read as YAML, in which a path may be anything; so it is a string in a mapping.
    """
    return f"study={json.dumps({'file': str(study.file)}, ensure_ascii=False)}"


def _limits(extra: Sequence[str]) -> list[str]:
    """How many jobs the GPUs of this machine hold, for jobs that run here; none without a GPU."""
    if any(option.startswith("--resources") for option in extra):
        return []  # those of the user replace ours; no GPU gets more than it can hold anyway
    eighths = CARD * len(gpu_names())
    return [f"--resources=gpu_eighths={eighths}"] if eighths else []


def _joined_path(first: str, rest: str | None) -> str:
    return os.pathsep.join([first, rest] if rest else [first])
