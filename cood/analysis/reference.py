"""Reading the reference run of a study: the tables that `cood publish` keeps with the project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cood.analysis.results import EVERY, FIRST, Results, select, without_replicates
from cood.errors import ArtefactError, StudyError
from cood.files import read_json, read_table, sha256
from cood.paths import Paths, project_root
from cood.settings.study_file import restore_study

PROVENANCE_FILE = "provenance.json"
ANSWERS_FILE, DESIGN_FILE, CLAIMS_FILE = "answers.parquet", "design.parquet", "claims.csv"
CLAIM_NUMBERS_FILE = "claims-models.csv"
CERTIFICATE_FILE = "certificate.csv"
NAMED = ("claim", "test", "title", "verdict")  # texts of the table of claims


@dataclass(frozen=True)
class Reference:
    """The published tables of a run, whose checksums are right.

    Attributes
    ----------
    paths
        Of its study; `paths.reference` is the folder.
    provenance
        What the run was made of: study, date, commit, packages, machine, and checksums of files.
    """

    paths: Paths
    provenance: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Name of its study."""
        return self.paths.study

    def results(self, models: str = EVERY, set: str = FIRST) -> Results:
        """Its settings, scores and models, as `load_results` gives those of a run.

        The settings are those that the scores were computed with; sections that change no score
        are empty. `models` and `set` choose among them; see `select`.

        Raises
        ------
        StudyError
            If this version of the project cannot read the settings.
        """
        folder, file = self.paths.reference, self.paths.reference / self.paths.settings.name
        try:
            raw = {"name": self.name, "notebooks": {}, **read_json(file)}
            study = restore_study(raw, where=str(file))
        except StudyError as error:
            raise StudyError(
                f"{error}; the reference was made by another version of the project: publish it "
                f"again with `cood publish --study {self.name}`"
            ) from error
        scores, facts = (folder / path.name for path in (self.paths.scores, self.paths.models))
        models_table = without_replicates(read_table(facts))
        results = Results(study, read_table(scores), models_table, reference=folder)
        return select(results, models, set)

    def answer_counts(self) -> pd.DataFrame:
        """Right answers by model and composition, as `load_answer_counts` gives those of a run."""
        return read_table(self.paths.reference / ANSWERS_FILE)

    def design(self) -> pd.DataFrame | None:
        """The design that its models were drawn from, a row a model; None without a design."""
        file = self.paths.reference / DESIGN_FILE
        return read_table(file) if file.is_file() else None

    def claims(self) -> pd.DataFrame | None:
        """A row a test, as the notebook `claims` saved them; None if the run has no such page."""
        file = self.paths.reference / CLAIMS_FILE
        return read_claims(file) if file.is_file() else None

    def claim_numbers(self) -> pd.DataFrame | None:
        """A row a model: what the tests of the claims were computed from; None without the page."""
        file = self.paths.reference / CLAIM_NUMBERS_FILE
        return read_claim_numbers(file) if file.is_file() else None


def load_reference(study: str) -> Reference | None:
    """The reference run of a study of this name; None if none was published.

    Raises
    ------
    ArtefactError
        If one of its files is missing or damaged; the message names it.
    """
    paths = Paths(project_root(), study)
    if not paths.reference.is_dir():
        return None
    return Reference(paths, check_reference(paths.reference))


def check_reference(folder: Path) -> dict[str, Any]:
    """Compare the files of a reference run with their checksums, and return its provenance.

    Raises
    ------
    ArtefactError
        If a file is missing or damaged.
    """
    again = f"restore {folder} with git, or publish the study again: `cood publish --study NAME`"
    try:
        provenance = read_json(folder / PROVENANCE_FILE)
        expected = {name: about["sha256"] for name, about in provenance["files"].items()}
    except (ArtefactError, AttributeError, KeyError, TypeError) as error:
        raise ArtefactError(
            f"{folder / PROVENANCE_FILE} is missing or damaged, so the reference run cannot be "
            f"checked; {again}"
        ) from error
    for name, checksum in expected.items():
        file = folder / name
        if not file.is_file():
            raise ArtefactError(f"{file} is missing from the reference run; {again}")
        if sha256(file) != checksum:
            raise ArtefactError(
                f"{file} is damaged: its SHA-256 is not the one in {PROVENANCE_FILE}; {again}"
            )
    return provenance


def read_claims(file: Path) -> pd.DataFrame:
    """The table that the notebook `claims` saves: a row a test, or a claim without one.

    The texts `NAMED` are empty where there is none, and so is a column that the file lacks.

    Raises
    ------
    ArtefactError
        If the file is missing, damaged, or not such a table.
    """
    try:
        table = pd.read_csv(file, dtype=dict.fromkeys(NAMED, str))
    except (OSError, ValueError) as error:
        raise ArtefactError(
            f"{file} is missing or damaged ({str(error).splitlines()[0]}); delete it and run "
            "`nox -s reproduce`"
        ) from error
    lacking = [name for name in ("claim", "verdict") if name not in table]
    if lacking:
        raise ArtefactError(
            f"{file} is no table of claims, as it has no column {lacking[0]!r}; delete it and run "
            "`nox -s reproduce`"
        )
    for name in NAMED:
        table[name] = table[name].fillna("") if name in table else ""
    return table


def read_claim_numbers(file: Path) -> pd.DataFrame:
    """The table of models that the notebook `claims` saves, indexed by model.

    Raises
    ------
    ArtefactError
        If the file is missing, damaged, or not such a table.
    """
    try:
        return pd.read_csv(file, dtype={"model": str, "family": str}).set_index("model")
    except (OSError, ValueError, KeyError) as error:
        raise ArtefactError(
            f"{file} is missing or damaged ({str(error).splitlines()[0]}); delete it and run "
            "`nox -s reproduce`"
        ) from error
