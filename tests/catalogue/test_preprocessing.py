import json
from dataclasses import asdict

import open_clip
import pytest
from open_clip.pretrained import get_pretrained_cfg
from open_clip.transform import PreprocessCfg, merge_preprocess_dict

from cood.catalogue.checkpoints import families
from cood.catalogue.open_clip_listing import entries, places
from cood.catalogue.preprocessing import Preprocessing, of_checkpoint, of_folder, of_tower

CHECKPOINTS = [name for names in families().values() for name in names]


def of_open_clip(name):
    """What open_clip itself merges into the settings of the preprocessing of a checkpoint."""
    architecture, _, tag = name.partition("/")
    listed = get_pretrained_cfg(architecture, tag)
    size = open_clip.get_model_config(architecture)["vision_cfg"]["image_size"]
    merged = merge_preprocess_dict({**asdict(PreprocessCfg()), "size": size}, listed)
    return Preprocessing(merged["size"], merged["interpolation"], merged["resize_mode"])


def test_every_checkpoint_has_the_preprocessing_of_open_clip():
    found = {name: of_checkpoint(name) for name in CHECKPOINTS}
    assert found == {name: of_open_clip(name) for name in CHECKPOINTS}
    assert len(set(found.values())) < 20  # so that sharing is worth while
    assert {p.resize_mode for p in found.values()} == {"shortest", "squash"}


def test_the_listing_has_all_checkpoints_and_the_places_of_open_clip():
    pairs = ["/".join(pair) for pair in open_clip.list_pretrained()]
    assert set(pairs) <= set(entries())
    for name in pairs:
        assert places()[name] == get_pretrained_cfg(*name.split("/")).get("hf_hub", "")


def test_an_architecture_alone_has_the_usual_one_and_an_unknown_name_none():
    assert of_checkpoint("ViT-L-14-336") == Preprocessing(336)
    assert Preprocessing(336).name == "336-bicubic-shortest"
    assert of_checkpoint("ViT-B-32/nowhere") is None
    assert of_checkpoint("nothing/openai") is None


def test_towers_and_folders(tmp_path):
    assert of_tower("byobnet") == Preprocessing(32)
    assert of_tower("no-such") is None
    assert of_folder(tmp_path) is None
    settings = {"model_cfg": {"vision_cfg": {"image_size": 48}}}
    file = tmp_path / "open_clip_config.json"
    file.write_text(json.dumps(settings))
    assert of_folder(tmp_path) == Preprocessing(48)
    about = {"interpolation": "bilinear", "resize_mode": "squash", "mean": [0, 0, 0]}
    file.write_text(json.dumps({**settings, "preprocess_cfg": about}))
    assert of_folder(tmp_path) == Preprocessing(48, "bilinear", "squash")


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"model_cfg": {"vision_cfg": {"image_size": [3, 4]}}}']
)
def test_a_folder_whose_configuration_says_nothing_has_none(tmp_path, text):
    (tmp_path / "open_clip_config.json").write_text(text)
    assert of_folder(tmp_path) is None
