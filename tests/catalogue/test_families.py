"""Every family of the catalogue has all that is said about a family; read without torch."""

import pytest
import yaml

from cood.analysis.pretraining_sets import LARGE, NEITHER, SMALL
from cood.catalogue.checkpoints import CHECKPOINTS, families
from cood.catalogue.image_encoders import ENCODERS
from cood.catalogue.open_clip_listing import places

CATALOGUE = yaml.safe_load(CHECKPOINTS.read_text())
IMAGE_ENCODERS = yaml.safe_load(ENCODERS.read_text())
FILE, ENCODER_FILE = (f"cood/catalogue/{file.name}" for file in (CHECKPOINTS, ENCODERS))


@pytest.mark.parametrize("family", CATALOGUE["checkpoints"])
class TestFamily:
    def test_open_clip_has_its_checkpoints(self, family):
        missing = set(CATALOGUE["checkpoints"][family]) - set(places())
        assert not missing, f"{FILE}: open_clip lists no checkpoint {sorted(missing)}"

    def test_its_training_data_are_described(self, family):
        for name, training in CATALOGUE["checkpoints"][family].items():
            assert set(training) == {"data", "seen"}, f"{FILE}: {name} needs `data` and `seen`"
            assert training["data"] in CATALOGUE["data"], (
                f"{FILE}: `data` has no size of {training['data']}, the training set of {name}"
            )

    def test_the_parameters_of_its_architectures_are_listed(self, family):
        architectures = {name.partition("/")[0] for name in CATALOGUE["checkpoints"][family]}
        missing = architectures - set(CATALOGUE["parameters"])
        assert not missing, f"{FILE}: `parameters` lacks {sorted(missing)}"

    def test_claim_c4_has_a_group_for_it(self, family):
        groups = [group for group in (LARGE, SMALL, NEITHER) if family in group]
        assert len(groups) == 1, (
            f"cood/analysis/pretraining_sets.py: {family} must be in one of LARGE, SMALL, NEITHER"
        )


def test_the_groups_of_claim_c4_are_families():
    extra = {*LARGE, *SMALL, *NEITHER} - set(families())
    assert not extra, f"cood/analysis/pretraining_sets.py: the catalogue has no family {extra}"


def test_nothing_is_listed_that_no_checkpoint_has():
    entries = {name: t for own in CATALOGUE["checkpoints"].values() for name, t in own.items()}
    assert set(CATALOGUE["data"]) == {training["data"] for training in entries.values()}
    assert set(CATALOGUE["parameters"]) >= {name.partition("/")[0] for name in entries}


@pytest.mark.parametrize("encoder", IMAGE_ENCODERS["encoders"])
def test_an_image_encoder_has_all_its_facts(encoder):
    own = IMAGE_ENCODERS["encoders"][encoder]
    assert set(own) == {"family", "learns", "data", "resolution"}, f"{ENCODER_FILE}: {encoder}"
    assert own["data"] in IMAGE_ENCODERS["data"], (
        f"{ENCODER_FILE}: `data` has no size of {own['data']}, the training set of {encoder}"
    )
    architecture = encoder.partition(".")[0]
    assert architecture in IMAGE_ENCODERS["architectures"], (
        f"{ENCODER_FILE}: `architectures` lacks {architecture}"
    )
