"""The saved certificate that a study uses: its own, or that of the reference run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from cood.analysis.certificate.certify import CERTIFICATE
from cood.analysis.certificate.thresholds import load_thresholds
from cood.analysis.reference import CERTIFICATE_FILE, load_reference
from cood.errors import ArtefactError
from cood.settings.study_file import Study

NOTEBOOK = "certificate"
REFERENCE_RUN = "lab"  # whose certificate holds for studies that have none of their own


def has_own_certificate(study: Study) -> bool:
    """Whether a study shows the page and trains enough points of its design twice."""
    repeated = study.design.replicates if study.design else 0
    return NOTEBOOK in study.notebooks and repeated >= load_thresholds().pairs


def certificate_file(study: Study) -> Path:
    """Where the notebook `certificate` saves the certificate of a study that has its own."""
    return study.paths.notebook(NOTEBOOK).with_name(CERTIFICATE_FILE)


def load_certificate(study: Study) -> pd.DataFrame | None:
    """The certificate of all metrics that holds for a study, as `certify` gives it.

    Its own, if it `has_own_certificate`; otherwise that of the reference run `lab`. None if there
    is no such reference, or it was published without a certificate.

    Raises
    ------
    ArtefactError
        If the file is missing for a study with its own, damaged, or no certificate.
    """
    if has_own_certificate(study):
        return read_certificate(certificate_file(study))
    reference = load_reference(REFERENCE_RUN)
    if reference is None or CERTIFICATE_FILE not in reference.provenance["files"]:
        return None
    return read_certificate(reference.paths.reference / CERTIFICATE_FILE)


def read_certificate(file: Path) -> pd.DataFrame:
    """A table that `certify` made, from a CSV file.

    Raises
    ------
    ArtefactError
        If the file is missing, damaged, or not such a table.
    """
    again = "delete it and run `nox -s reproduce`"
    try:
        table = pd.read_csv(file, keep_default_na=True)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ArtefactError(f"{file} is missing or damaged ({reason}); {again}") from error
    lacking = [name for name in CERTIFICATE if name not in table]
    if lacking:
        raise ArtefactError(
            f"{file} is no certificate, as it has no column {lacking[0]!r}; {again}"
        )
    return table.assign(why=table["why"].fillna("")).astype(CERTIFICATE)[list(CERTIFICATE)]
