"""Artefacts that are damaged or worth another try: found and deleted, so that they are remade."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from cood.files import TEMPORARY, damage, files_below, left_out, read_table
from cood.settings.study_file import Study

CHECKED = {".parquet", ".safetensors", ".json", ".ipynb"}
ANSWERS = re.compile(r"answers-\d+\.parquet")
WITH_IMAGES = re.compile(r"(manifest|isolated|shard-.*)\.parquet")
DAMAGED, INCOMPLETE, SKIPPED = "damaged", "incomplete", "skipped before"


def discard_damaged(study: Study, dry_run: bool) -> list[str]:
    """Delete the artefacts of a study that are worth another try, and report each on stderr.

    These are damaged files, files with images or answers that failed, and files that hold nothing
    because a checkpoint could not be loaded.

    Parameters
    ----------
    study
        The study.
    dry_run
        Only report them.

    Returns
    -------
    list of str
        Their paths.
    """
    results, root = study.paths.results, study.paths.root
    files = files_below(results) if results.is_dir() else []  # also of folders on another disk
    if not dry_run:
        for half_written in (file for file in files if file.match(TEMPORARY)):
            half_written.unlink()
    discarded = []
    for file in (file for file in files if file.suffix in CHECKED and not file.match(TEMPORARY)):
        fault = _fault(file)
        if fault is None:
            continue
        discarded.append(str(file))
        kind, reason = fault
        action = "tried again" if kind == SKIPPED else "remade"
        if dry_run:
            action = f"would be {action}"
        print(f"{kind}: {file.relative_to(root)} ({reason}); {action}", file=sys.stderr)
        if not dry_run:
            file.unlink()
    return discarded


def _fault(file: Path) -> tuple[str, str] | None:
    """Kind and reason of what is wrong with an artefact; None if nothing is."""
    from cood.curation.verification.verify import unasked
    from cood.synthesis.manifests import damaged_image, failed_image

    if reason := damage(file):
        return DAMAGED, reason
    if reason := left_out(file):
        return SKIPPED, reason
    if WITH_IMAGES.fullmatch(file.name):
        if image := damaged_image(file):
            return DAMAGED, f"image {image} is missing or damaged"
        if reason := failed_image(file):
            return INCOMPLETE, reason
    if ANSWERS.fullmatch(file.name) and (reason := unasked(read_table(file))):
        return INCOMPLETE, reason
    return None
