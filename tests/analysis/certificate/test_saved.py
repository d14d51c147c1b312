import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from cood.analysis.certificate import (
    CERTIFICATE,
    has_own_certificate,
    load_certificate,
    load_thresholds,
)
from cood.analysis.certificate.saved import certificate_file
from cood.analysis.reference import PROVENANCE_FILE
from cood.errors import ArtefactError, CoodError
from cood.files import sha256
from cood.paths import Paths
from cood.settings.study_file import load_study

STUDIES = Path(__file__).parents[3] / "workflow" / "studies"
TABLE = pd.DataFrame(
    {
        **{name: [0, 0] if kind is int else [0.5, None] for name, kind in CERTIFICATE.items()},
        "space": ["image", "text"],
        "metric": ["mig", "sap"],
        "certified": [True, False],
        "why": ["", "ladder 0.100"],
    }
).astype(CERTIFICATE)[list(CERTIFICATE)]


def describe(folder, files):
    (folder / PROVENANCE_FILE).write_text(json.dumps({"study": "lab", "files": files}))


@pytest.fixture
def repeated(project, settings):
    """A study whose design repeats eight points, with a certificate."""
    factors = {"share": {"low": 0.6, "high": 0.9}, "wrong_captions": {"low": 0, "high": 0.3}}
    design = {"models": 8, "seed": 1, "replicates": 8, "factors": factors}
    del settings["models"]
    settings |= {"design": design, "notebooks": {"certificate": {}}}
    (project / "workflow" / "studies" / "repeated.yaml").write_text(yaml.safe_dump(settings))
    study = load_study("repeated")
    certificate_file(study).parent.mkdir(parents=True)
    TABLE.to_csv(certificate_file(study), index=False)
    return study


@pytest.fixture
def reference(project):
    """A published run `lab` with a certificate."""
    folder = Paths(project, "lab").reference
    folder.mkdir(parents=True)
    TABLE.to_csv(folder / "certificate.csv", index=False)
    checksum = sha256(folder / "certificate.csv")
    describe(folder, {"certificate.csv": {"sha256": checksum}})
    return folder


def test_a_study_with_replicates_has_its_own(repeated):
    assert has_own_certificate(repeated)
    pd.testing.assert_frame_equal(load_certificate(repeated), TABLE)


def test_without_the_page_it_has_none(repeated):
    without = repeated.model_copy(update={"notebooks": {}})
    assert not has_own_certificate(without)
    assert load_certificate(without) is None


def test_its_own_must_be_there_even_if_there_is_a_reference(repeated, reference):
    certificate_file(repeated).unlink()
    with pytest.raises(ArtefactError, match=r"certificate.csv is missing .* `nox -s reproduce`"):
        load_certificate(repeated)


def test_other_studies_use_that_of_the_reference(tiny, reference):
    assert not has_own_certificate(tiny)
    pd.testing.assert_frame_equal(load_certificate(tiny), TABLE)


def test_no_reference_or_one_without_gives_none(tiny, reference):
    describe(reference, {})
    assert load_certificate(tiny) is None
    shutil.rmtree(reference)
    assert load_certificate(tiny) is None


def test_a_damaged_one_is_refused(repeated):
    certificate_file(repeated).write_text("metric,space\nmig,image\n")
    with pytest.raises(ArtefactError, match="no certificate, as it has no column 'certified'"):
        load_certificate(repeated)


def test_the_thresholds_are_those_of_the_plan():
    limits = load_thresholds()
    assert (limits.reliability, limits.null_distance, limits.ladder) == (0.6, 3, 0.9)
    plan = (STUDIES.parents[1] / "book" / "analysis-plan.md").read_text()
    for row in (
        "trained twice | at least 0.6 |",
        "of the latter | more than 3 |",
        "at least 0.9 |",
    ):
        assert row in plan


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("certificate: {reliability: 0.6}", "missing pairs, null_distance, ladder"),
        ("certificate: {reliable: 0.6}", "unknown key 'reliable'"),
        ("claims: {}", "missing reliability"),
    ],
)
def test_a_wrong_section_is_refused(tmp_path, section, message):
    file = tmp_path / "claims.yaml"
    file.write_text(section)
    with pytest.raises(CoodError, match=message):
        load_thresholds(file)
