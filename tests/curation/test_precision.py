"""Checks of images embed in the precision of the study, as its models do."""

import pytest
import yaml

from cood.curation.near_duplicates.search import find_near_duplicates
from cood.curation.verification import verify
from cood.evaluation.embed import images, texts
from cood.settings.study_file import load_study
from cood.stages import STAGES
from cood.synthesis.manifests import read_manifest


def silent(text):
    pass


@pytest.fixture
def asked(monkeypatch):
    """The precisions that are asked for; the stand-in computes in single precision."""
    precisions = []

    def resolve(precision, device):
        precisions.append(precision)
        return "single"

    for module in (images, texts):
        monkeypatch.setattr(module, "resolve", resolve)
    return precisions


@pytest.fixture
def study(copied, settings):
    """The tiny study in a precision, with images that a CLIP verifies and compares."""

    def make(precision):
        folder = copied.paths.manifest("ao").parent
        (first, second) = read_manifest(copied, "ao")["image"].iloc[:2]
        (copied.paths.root / "pairs.csv").write_text(
            f"image,copy\n{folder / first},{folder / second}\n"
        )
        sections = {
            "precision": precision,
            "near_duplicates": {"model": "few", "pairs": "pairs.csv"},
            "verification": {"model": "local-dir:none", "sets": ["ao"], "clip": "few"},
        }
        file = copied.paths.root / "workflow" / "studies" / "tiny.yaml"
        file.write_text(yaml.safe_dump(settings | sections))
        return load_study("tiny")

    return make


@pytest.mark.parametrize("precision", ["single", "auto"])
def test_the_clip_score_of_verification(study, asked, precision):
    loaded = study(precision)
    rows = verify.read_table(loaded.paths.manifest("ao")).assign(problem="")
    verify._clip_cosines(loaded, "ao", rows, silent)
    assert asked == [precision, precision]  # of the images, and of the texts


@pytest.mark.parametrize("precision", ["single", "auto"])
def test_near_duplicates(study, asked, precision, monkeypatch):
    loaded = study(precision)
    # The set is not verified, so that its embeddings are those that are there.
    monkeypatch.setattr(type(loaded), "table", lambda self, set_: self.paths.manifest(set_))
    find_near_duplicates(loaded, silent)
    assert asked == [precision] * 4  # training images, both sides of the pair, altered copies


def test_another_precision_runs_both_again(study):
    single, auto = study("single"), study("auto")
    for stage, keys in (("ask_verifier", ("ao", "0")), ("near_duplicates", ())):
        settings = STAGES[stage].settings
        assert settings(single, *keys) != settings(auto, *keys)
