"""`cood reproduce`: one run of the Snakemake pipeline at a time, from whatever state it is in."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from cood.cli import PIPELINE
from cood.errors import StudyError, unknown
from cood.files import TEMPORARY, damage, left_out, locked, read_table
from cood.paths import SNAKEFILE
from cood.pipeline.preflight import MISSING, WARNING, local_files
from cood.report.build.notebooks import check_parameters, source
from cood.settings import Checkpoint
from cood.settings.study_file import Study

CHECKED = {".parquet", ".safetensors", ".json", ".ipynb"}
ANSWERS = re.compile(r"answers-\d+\.parquet")
LEFT_OUT = "left out before"
WITH_IMAGES = re.compile(r"(manifest|isolated|shard-.*)\.parquet")


def reproduce(study: Study, cores: int, dry_run: bool, extra: Sequence[str] = ()) -> int:
    """Bring a study's report up to date; give Snakemake's exit status.

    A lock of the operating system stands for Snakemake's own, which would outlive a killed run.

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
    check_settings(study)
    _check_files(study)
    paths = study.paths
    start = time.monotonic()
    lock = paths.results / ".lock"
    busy = f"study {study.name} is being reproduced by another process; wait for it or stop it"
    # A dry run leaves nothing behind, and where there is no lock nobody holds it.
    unlocked = dry_run and not lock.exists()
    with nullcontext() if unlocked else locked(lock, busy):
        discard_damaged(study, dry_run)
        status = _snakemake(study, cores, dry_run, extra)
    if status:
        print("not finished: the messages above say why; what is done is kept", file=sys.stderr)
    elif not dry_run and paths.html.is_file():
        for table in [paths.models, *([paths.image_encoders] if study.image_encoders else [])]:
            made = read_table(table)
            for name, reason in made.loc[made["missing"] != "", ["model", "missing"]].to_numpy():
                print(f"left out: {name}: {reason}", file=sys.stderr)
        print(f"done in {time.monotonic() - start:.0f} s; the report: {paths.html.as_uri()}")
    return status


def check_settings(study: Study) -> None:
    """Make sure that words, models, files and notebooks are there, before long work begins.

    Raises
    ------
    CoodError
        If one is not, or does not fit the others.
    """
    from cood.catalogue import open_clip_listing as listing
    from cood.models.checkpoint_names import check_checkpoint
    from cood.models.zoo import architectures, check_image_encoder, check_training
    from cood.synthesis.drawing.draw import check_words
    from cood.synthesis.scenes.scenes import check_file

    if any(settings.source == "icons" for settings in study.sets.values()):
        check_words(study.words.attributes, study.words.objects)
    for name, settings in study.trained.items():
        check_training(name, settings)
    known = [*architectures(), *listing.architectures()] if study.null_models else []
    for name, null in study.null_models.items():
        if null.architecture not in known:
            wrong = unknown("architecture", null.architecture, known)
            raise StudyError(f"untrained.{name}.architecture: {wrong}")
    for name, recipe in study.factor_models.items():
        check_training(name, recipe, "factor_models")
    for name, tower in study.own_image_encoders.items():
        check_image_encoder(name, str(tower.facts["architecture"]))
    for name, model in study.models.items():
        if isinstance(model, Checkpoint):
            check_checkpoint(name, model)
    for name in study.factor_sets:
        check_file(study, name)
    for name, given in study.notebooks.items():
        check_parameters(source(study.paths.root, name), {"study": study.name, **given})


def _check_files(study: Study) -> None:
    """Refuse a study that lacks files it cannot run without, and say what will be left out."""
    found = list(local_files(study))
    lacking = [f"{check.what}: {check.said}" for check in found if check.state == MISSING]
    if lacking:
        raise StudyError("; ".join(lacking))
    for check in found:
        if check.state == WARNING:
            print(f"warning: {check.what}: {check.said}", file=sys.stderr)


def discard_damaged(study: Study, dry_run: bool) -> list[str]:
    """Delete artefacts that are worth another try, so that they are made again, and say which.

    That is what is damaged, what holds images or answers that failed, and what holds nothing as a
    checkpoint could not be had.
    """
    paths, found = study.paths, []
    if not dry_run:
        for half_written in paths.results.rglob(TEMPORARY):
            half_written.unlink()
    files = [p for p in paths.results.rglob("*") if p.suffix in CHECKED]
    for file in sorted(files):
        fault = _fault(file)
        if fault is None:
            continue
        found.append(str(file))
        what, reason = fault
        doing = "tried again" if what == LEFT_OUT else "made again"
        doing = f"would be {doing}" if dry_run else doing
        print(f"{what}: {file.relative_to(paths.root)} ({reason}); {doing}", file=sys.stderr)
        if not dry_run:
            file.unlink()
    return found


def _fault(file: Path) -> tuple[str, str] | None:
    """What is the matter with an artefact, and the reason; None if it is as it should be."""
    from cood.curation.verification.verify import unasked
    from cood.synthesis.manifests import damaged_image, failed_image

    if reason := damage(file):
        return "damaged", reason
    if reason := left_out(file):
        return LEFT_OUT, reason
    if WITH_IMAGES.fullmatch(file.name):
        if image := damaged_image(file):
            return "damaged", f"image {image} is missing or damaged"
        if reason := failed_image(file):
            return "not whole", reason
    if ANSWERS.fullmatch(file.name) and (reason := unasked(read_table(file))):
        return "not whole", reason
    return None


def _snakemake(study: Study, cores: int, dry_run: bool, extra: Sequence[str]) -> int:
    # In this very process, so that whoever kills it kills the scheduler too.
    from snakemake.cli import main

    root = study.paths.root
    search = [str(root / "workflow"), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ |= {
        "PYTHONPATH": os.pathsep.join(search),
        # The `cood` of this very environment, even when it is not activated.
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")]),
        PIPELINE: "1",
        "OMP_NUM_THREADS": "1",
        # glibc: keep freed memory for the next training step, which is a fifth faster.
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": "10000000000",
    }
    sys.path.insert(0, str(root / "workflow"))  # where Snakemake finds our progress display
    command = [
        *("--snakefile", str(root / SNAKEFILE), "--directory", str(root)),
        *("--cores", str(cores), "--config", f"study={study.file}"),
        *("--nolock", "--rerun-incomplete", "--keep-going", "--logger", "cood"),
        *(["--dry-run"] if dry_run else []),
        *extra,
    ]
    try:
        main(command)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    return 0
