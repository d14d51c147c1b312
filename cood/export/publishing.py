"""Publishing the joined tables of a finished study as a reference run, kept with the project."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from cood.analysis.answer_counts import load_answer_counts
from cood.analysis.certificate.saved import (
    certificate_file,
    has_own_certificate,
    read_certificate,
)
from cood.analysis.reference import (
    ANSWERS_FILE,
    CERTIFICATE_FILE,
    CLAIM_NUMBERS_FILE,
    CLAIMS_FILE,
    DESIGN_FILE,
    PROVENANCE_FILE,
    read_claim_numbers,
    read_claims,
)
from cood.errors import CoodError
from cood.evaluation.collect import scored_settings
from cood.files import locked, read_json, read_table, sha256
from cood.paths import REFERENCE
from cood.report.provenance.commit import head_and_changes
from cood.report.provenance.machine import hardware
from cood.report.provenance.run_status import versions
from cood.settings.study_file import Study
from cood.stages import targets

LIMIT = 16_000_000  # bytes of a reference: everyone who clones the project downloads it
LEVEL = 22  # the highest of zstd; twelve seconds for the scores of 200 models
# Joined tables of a run that are published where a study has them.
TABLES = (
    "scores.parquet",
    "models.parquet",
    DESIGN_FILE,
    "image_encoders.parquet",
    "factor_scores.parquet",
)
LOCK = "publish.lock"


def publish(study: Study, say: Callable[[str], None] = print) -> Path:
    """Write the joined tables of a finished study to `reference/<study>/` and return the folder.

    The folder replaces that of an earlier run only when it is complete. The same run gives the
    same files, but for the date in `provenance.json`.

    Raises
    ------
    CoodError
        If the study is not finished, its file has changed since, a table is damaged, or the files
        are larger than `LIMIT` in all.
    """
    _check_finished(study)
    folder = study.paths.reference
    busy = f"{folder} is being written to by another `cood publish`; wait for it"
    with locked(study.paths.results / LOCK, busy):
        _clear_remnants(folder)
        new = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}.tmp")
        new.mkdir(parents=True)
        try:
            _write(study, new)
            _check_size(new)
            _replace(folder, new)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    total = sum(file.stat().st_size for file in folder.iterdir())
    say(f"{study.name}: {len(list(folder.iterdir()))} files, {total / 1e6:.1f} MB")
    return folder


def _inputs(study: Study) -> list[Path]:
    """Files of the results that are published, or that a published table is computed from."""
    results = study.paths.results
    joined = {results / name for name in TABLES} | {study.paths.settings}
    files = [file for file in targets(study) if file in joined]
    files += [study.paths.model_answers(model) for model in study.embedded]
    if "claims" in study.notebooks:
        files += [_of_claims(study, name) for name in (CLAIMS_FILE, CLAIM_NUMBERS_FILE)]
    return [*files, certificate_file(study)] if has_own_certificate(study) else files


def _of_claims(study: Study, name: str) -> Path:
    return study.paths.notebook("claims").with_name(name)


def _check_finished(study: Study) -> None:
    run = f"run `nox -s reproduce -- --study {study.name}`, then publish"
    missing = [file for file in _inputs(study) if not file.is_file()]
    if missing:
        shown = missing[0].relative_to(study.paths.root)
        more = f" and {len(missing) - 1} more files" if len(missing) > 1 else ""
        raise CoodError(f"study {study.name} is not finished: {shown}{more} missing; {run}")
    if read_json(study.paths.settings) != json.loads(scored_settings(study)):
        raise CoodError(
            f"study {study.name}: its settings have changed since its scores were joined; {run}"
        )


def _write(study: Study, folder: Path) -> None:
    """Write all files of a reference to a new folder."""
    for name, table in _tables(study):
        table.to_parquet(folder / name, index=False, compression="zstd", compression_level=LEVEL)
    shutil.copyfile(study.paths.settings, folder / study.paths.settings.name)
    if "claims" in study.notebooks:
        read_claims(_of_claims(study, CLAIMS_FILE))  # refuses a damaged one
        read_claim_numbers(_of_claims(study, CLAIM_NUMBERS_FILE))
        for name in (CLAIMS_FILE, CLAIM_NUMBERS_FILE):
            shutil.copyfile(_of_claims(study, name), folder / name)
    if has_own_certificate(study):
        read_certificate(certificate_file(study))
        shutil.copyfile(certificate_file(study), folder / CERTIFICATE_FILE)
    text = json.dumps(_provenance(study, folder), indent=1)
    (folder / PROVENANCE_FILE).write_text(text + "\n", encoding="utf-8")


def _tables(study: Study) -> Iterator[tuple[str, pd.DataFrame]]:
    for file in _inputs(study):
        if file.parent == study.paths.results and file.suffix == ".parquet":
            yield file.name, read_table(file)
    yield ANSWERS_FILE, load_answer_counts(study)


def _provenance(study: Study, folder: Path) -> dict[str, Any]:
    """What the run was made of and on, and the checksum and size of each file."""
    # A reference that was published again, and is not committed yet, changes no code.
    commit, changed = head_and_changes(study.paths.root, REFERENCE)
    return {
        "study": study.name,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": {"hash": commit, "uncommitted_changes": changed},
        "settings_sha256": hashlib.sha256(study.model_dump_json().encode()).hexdigest(),
        "python": platform.python_version(),
        "packages": versions(),
        "machine": hardware(),
        "files": {
            file.name: {"sha256": sha256(file), "bytes": file.stat().st_size}
            for file in sorted(folder.iterdir())
        },
    }


def _check_size(folder: Path) -> None:
    sizes = {file.name: file.stat().st_size for file in sorted(folder.iterdir())}
    if sum(sizes.values()) > LIMIT:
        listed = ", ".join(f"{name} {size / 1e6:.2f}" for name, size in sizes.items())
        raise CoodError(
            f"the tables take {sum(sizes.values()) / 1e6:.2f} MB, and a reference may take "
            f"{LIMIT / 1e6:.2f} MB (in MB: {listed}); publish a study with fewer models or scores"
        )


def _set_aside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")


def _replace(folder: Path, new: Path) -> None:
    """Put a complete folder in the place of another, which comes back if that fails."""
    old = _set_aside(folder)
    if folder.exists():
        folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _clear_remnants(folder: Path) -> None:
    """Put back a folder that a killed run set aside, and delete what it had not completed."""
    old = _set_aside(folder)
    if old.exists() and not folder.exists():
        old.rename(folder)
    for remnant in [old, *folder.parent.glob(f".{folder.name}.*.tmp")]:
        shutil.rmtree(remnant, ignore_errors=True)
