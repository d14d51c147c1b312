from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cood.analysis.reference import load_reference
from cood.errors import CoodError
from cood.export import finding

PROJECT = Path(__file__).parents[2]
CLAIMS = pd.DataFrame(
    {
        "claim": ["C1", "C2", "C7", "C7"],
        "title": ["all differ", "it rises", "it predicts", "it predicts"],
        "verdict": ["supported", "undecided", "contradicted", "contradicted"],
        "test": ["all", "ID", "drawings", "captions"],
        "kind": ["difference", "correlation", "partial correlation", "partial correlation"],
        "value": [0.05, 0.3, -0.4, 0.1],
        "low": [0.02, -0.1, -0.6, -0.1],
        "high": [0.08, 0.6, -0.2, 0.3],
        "n": [200, 200, 200, 200],
        "claim_holm": [0.2, 0.3, 0.04, 0.04],
    }
)


@dataclass
class Run:
    """What `finding_text` reads of a reference run."""

    name: str = "lab"
    saved: pd.DataFrame | None = field(default_factory=lambda: CLAIMS)
    provenance: dict = field(
        default_factory=lambda: {"commit": {"hash": "0123456789abcdef"}, "date": "2026-11-27T00:00"}
    )

    def claims(self):
        return self.saved

    def results(self):
        return None


@pytest.fixture
def drawn(monkeypatch):
    share = np.tile(np.geomspace(0.2, 0.8, 10), 2)
    split = np.repeat(["seen", "unseen"], 10)
    table = pd.DataFrame({"model": "m", "split": split, "share": share, "value": share / 2})
    monkeypatch.setattr(finding, "accuracy_by_factor", lambda results: table)


def test_the_text_names_what_was_answered_with_effects_and_counts_the_rest():
    text = finding.finding_text(Run())
    assert text.startswith(
        "In the study lab (200 models), “it predicts” (C7) is contradicted (drawings r = -0.40 "
        "[-0.60, -0.20]; captions r = 0.10 [-0.10, 0.30]; corrected p = 0.040). Of 3 claims, 1 is "
        "supported (C1 “all differ”); 1 is contradicted (C7 “it predicts”); 1 is undecided (C2)."
    )
    assert "commit `0123456789ab`" in text
    with pytest.raises(CoodError, match="reference run lab: it has no table of claims"):
        finding.finding_text(Run(saved=None))


def test_it_stands_between_its_marks_and_writing_again_changes_nothing(tmp_path, drawn):
    (tmp_path / "docs").mkdir()
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{finding.START}\nold\n{finding.END}\nafter\n")
    finding.write_finding(tmp_path, Run())
    first = readme.read_text(), (tmp_path / finding.PICTURE).read_text()
    assert first[0].startswith("before\n")
    assert first[0].endswith("\nafter\n")
    assert "\nold\n" not in first[0]
    finding.write_finding(tmp_path, Run())
    assert (readme.read_text(), (tmp_path / finding.PICTURE).read_text()) == first
    readme.write_text("no marks")
    with pytest.raises(CoodError, match="put them back"):
        finding.write_finding(tmp_path, Run())


def test_the_readme_has_the_finding_of_the_reference_run(monkeypatch):
    monkeypatch.chdir(PROJECT)
    run = load_reference("lab")
    readme = (PROJECT / "README.md").read_text()
    assert finding.with_finding(readme, finding.finding_text(run)) == readme
    assert (PROJECT / finding.PICTURE).read_text() == finding.finding_picture(run)
