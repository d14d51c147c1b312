"""Image-only encoders, over the road that a user's study takes."""

import pickle

import numpy as np
import pandas as pd
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from cood.catalogue.image_encoders import facts, image_encoder_names
from cood.catalogue.sources import local_source
from cood.errors import CoodError, StudyError
from cood.evaluation.embed.embed import embed_model
from cood.evaluation.linear_probe.linear_probe import score_linear_probe
from cood.files import read_table, read_tensors
from cood.models.image_encoders import load_image_encoder
from cood.models.small_clip import untrained_clip
from cood.models.training import image_encoder
from cood.models.training.clip import draw_tensors
from cood.models.training.image_encoder import (
    fit_image_encoder,
    save_image_encoder,
    train_image_encoder,
)
from cood.models.training.views import random_view
from cood.settings import DURATIONS, Towers
from cood.settings.study_file import load_study
from cood.splits import TRAINING
from cood.training_set import training_captions, training_compositions

NAME = "test_vit.r160_in1k"  # of a tag that timm has on the hub, in timm/test_vit.r160_in1k
MEAN = [0.1, 0.2, 0.3]
IMAGE = Image.fromarray(
    np.random.default_rng(0).integers(0, 256, (180, 170, 3), dtype=np.uint8), "RGB"
)
TRAINED = {
    "objective": "labels",
    "image_tower": "resnet",
    "share": 0.6,
    "images": 64,
    "steps": 8,
    "batch": 8,
}


def quiet(text):
    pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tower with random weights and a classifier, saved as timm saves models."""
    folder = tmp_path_factory.mktemp("tower")
    torch.manual_seed(3)
    model = timm.create_model("test_vit")
    data = {"mean": MEAN, "std": [0.5] * 3, "input_size": (3, 160, 160), "crop_pct": 0.95}
    timm.models.save_for_hf(model, folder, data_config=data, safe_serialization=True)
    return folder


@torch.inference_mode()
def features(tower):
    pixels = tower.preprocess(IMAGE)[None]
    return tower.encode_image(pixels)[0].numpy()


def plain(folder, mean):
    """Features of the picture by the model alone, with a preprocessing written out."""
    model = timm.create_model("test_vit")
    model.load_state_dict(load_file(folder / "model.safetensors"))
    transform = timm.data.create_transform(
        (3, 160, 160), mean=mean, std=[0.5] * 3, interpolation="bicubic", crop_pct=0.95
    )
    with torch.inference_mode():
        return (
            model.eval()
            .forward_head(model.forward_features(transform(IMAGE)[None]), pre_logits=True)[0]
            .numpy()
        )


def refused(source, **options):
    with pytest.raises(CoodError) as caught:
        load_image_encoder(source, say=quiet, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_folder_loads_with_its_own_preprocessing_and_without_the_classifier(folder):
    tower = load_image_encoder(local_source(folder))
    np.testing.assert_allclose(features(tower), plain(folder, MEAN), atol=1e-5)
    assert tower.sizes == {"embed_dim": 64, "resolution": 160}
    assert "0.1000, 0.2000, 0.3000" in str(tower.preprocess)


def test_hub_folder_tag_and_file_give_the_same_encoder(hub, folder, tmp_path):
    hub.add("lab/tower", folder)
    hub.add(f"timm/{NAME}", folder)
    here = load_image_encoder(local_source(folder))
    there = load_image_encoder("hf-hub:lab/tower@main")
    np.testing.assert_array_equal(features(there), features(here))
    assert (here.revision, there.revision) == ("", "c0" * 20)
    tag = load_image_encoder(NAME)
    file = load_image_encoder(f"file:{folder / 'model.safetensors'}", architecture=NAME)
    np.testing.assert_array_equal(features(tag), features(file))
    # These have the preprocessing of timm's own tag, not that of the folder.
    np.testing.assert_allclose(features(tag), plain(folder, [0.5] * 3), atol=1e-5)
    state = load_file(folder / "model.safetensors")
    torch.save(state, tmp_path / "old.pth")
    old = load_image_encoder(f"file:{tmp_path / 'old.pth'}", architecture=NAME)
    np.testing.assert_array_equal(features(old), features(file))


def test_what_cannot_be_used_is_refused_in_one_sentence(folder, tmp_path, harm):
    assert "did you mean" in refused("vit_base_patch14_dinov2.lvd142")
    assert "unknown encoder of timm" in refused("test_vit")  # without a tag: random weights
    assert "does not exist" in refused("file:none.safetensors", architecture=NAME)
    assert "cannot be loaded" in refused(f"local-dir:{tmp_path}")
    state = load_file(folder / "model.safetensors")
    del state["blocks.0.attn.qkv.weight"]
    save_file(state, tmp_path / "less.safetensors")
    assert "Missing key" in refused(f"file:{tmp_path / 'less.safetensors'}", architecture=NAME)
    with (tmp_path / "bad.pth").open("wb") as file:
        pickle.dump({"weight": harm}, file)
    refused(f"file:{tmp_path / 'bad.pth'}", architecture=NAME)
    assert not harm.file.exists()


def test_a_hub_that_fails_costs_one_row_with_the_reason(hub, folder, copied, parse):
    hub.add("lab/tower", folder)
    hub.faults["model.safetensors"] = "error"
    study = parse(image_encoders={"far": {"encoder": "hf-hub:lab/tower"}})
    said = []
    embed_model(study, "far", said.append)
    tensors, metadata = read_tensors(study.paths.embeddings("far", "ao"))
    assert not tensors
    assert "cannot be downloaded" in metadata["missing"]
    table = score_linear_probe(study, "far")
    assert table[["model", "set", "note"]].to_numpy().tolist() == [
        ["far", "ao", metadata["missing"]]
    ]
    hub.faults.clear()
    embed_model(study, "far", said.append)
    tensors, metadata = read_tensors(study.paths.embeddings("far", "ao"))
    assert tensors["images"].shape == (40, 64)
    assert metadata["revision"] == "c0" * 20
    assert metadata["resolution"] == "160"
    assert "Normalize" in metadata["preprocessing"]


@pytest.fixture
def encoders(parse, project):
    return parse(
        image_encoders={
            "labels": TRAINED,
            "views": {**TRAINED, "objective": "views"},
            "raw": {"untrained": "resnet", "seed": 4},
        }
    )


@pytest.mark.parametrize("name", ["labels", "views", "raw"])
def test_encoders_of_a_study_load_as_published_ones_do(encoders, name):
    train_image_encoder(encoders, name, quiet)
    folder = encoders.paths.model(name if name == "raw" else f"{name}-whole")
    tower = load_image_encoder(local_source(folder))
    first = untrained_clip(Towers(image_tower="resnet"), 4 if name == "raw" else 0)
    pixels = first.preprocess(IMAGE)
    torch.testing.assert_close(tower.preprocess(IMAGE), pixels)  # that of the CLIP
    with torch.inference_mode():
        before = first.model.eval().visual.trunk(pixels[None])[0].numpy()
    same = np.allclose(features(tower), before, atol=1e-5)
    assert same == (name == "raw")
    weights = (folder / "model.safetensors").read_bytes()
    train_image_encoder(encoders, name, quiet)
    assert (folder / "model.safetensors").read_bytes() == weights
    if name != "raw":
        assert list(read_table(folder / "training.parquet")["step"]) == list(range(1, 9))


def weights(study, encoder):
    return load_file(study.paths.model(encoder) / "model.safetensors")


def same(one, other):
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_a_run_saves_its_encoder_at_four_durations(encoders, monkeypatch):
    said = []
    train_image_encoder(encoders, "labels", said.append)
    names = [f"labels-{duration}" for duration in ("eighth", "quarter", "half", "whole")]
    assert names == [name for name in encoders.embedded_image_encoders if "labels" in name]
    assert [encoders.embedded_image_encoder(name).steps for name in names] == [1, 2, 4, 8]
    assert weights(encoders, names[0]).keys() == weights(encoders, names[3]).keys()
    saved = [weights(encoders, name) for name in names]
    assert not any(same(saved[i], saved[j]) for i in range(4) for j in range(i))
    # Saving on the way changes nothing.
    clip = untrained_clip(Towers(image_tower="resnet"), 0)
    ids = training_compositions(encoders, encoders.image_encoder("labels"))
    images = draw_tensors(encoders, clip, ids, (TRAINING, 0))
    labels = [
        torch.from_numpy(of(ids)) for of in (encoders.words.attribute_of, encoders.words.object_of)
    ]
    fit_image_encoder(clip, encoders.image_encoder("labels"), images, labels, (4, 5), quiet)
    torch.testing.assert_close(clip.model.visual.trunk.state_dict(), saved[3], rtol=0, atol=0)


def test_durations_that_a_diverged_run_does_not_reach_have_its_last_weights(encoders, monkeypatch):
    def diverges(clip, *args, keep):
        keep(1)
        with torch.no_grad():
            next(clip.model.visual.trunk.parameters()).zero_()
        keep(2)
        return pd.DataFrame({"step": [1, 2], "loss": [1.0, np.nan]})

    monkeypatch.setattr(image_encoder, "fit_image_encoder", diverges)
    train_image_encoder(encoders, "views", quiet)
    first, *others = (weights(encoders, f"views-{name}") for name in DURATIONS)
    assert all(same(others[0], other) for other in others)
    assert not same(first, others[0])


def test_too_few_steps_for_the_durations_are_refused(parse):
    with pytest.raises(StudyError, match=r"image_encoders.e: steps: 7 is too few .* 8 are needed"):
        parse(image_encoders={"e": {**TRAINED, "steps": 7, "images": 40}})


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"null_models": {"e-half": {"image_tower": "vit"}}}, "null_models.e-half: that name"),
        ({"models": {"e-half": {"share": 0.9}}}, "image_encoders.e: the name of its file e-half"),
    ],
)
def test_a_saved_encoder_has_a_name_of_its_own(parse, other, message):
    with pytest.raises(StudyError, match=f"{message} is taken by .*e; use|{message} is taken by m"):
        parse(image_encoders={"e": TRAINED}, **other)


def test_an_encoder_is_trained_on_the_compositions_of_the_clip_of_its_share(encoders):
    clip, tower = encoders.models["few"], encoders.image_encoders["labels"]
    np.testing.assert_array_equal(
        training_captions(encoders, clip)["composition"], training_compositions(encoders, tower)
    )


def test_only_encoders_of_timm_are_trained_here(parse, project):
    study = parse(image_encoders={"a": {"untrained": "vit"}, "b": {"encoder": NAME}})
    with pytest.raises(StudyError, match=r"image_encoders.a: .* use byobnet, resnet"):
        train_image_encoder(study, "a", quiet)
    with pytest.raises(StudyError, match="trained already"):
        train_image_encoder(study, "b", quiet)


def test_a_saved_encoder_keeps_its_weights(tmp_path):
    clip = untrained_clip(Towers(image_tower="byobnet"), 1)
    save_image_encoder(clip, tmp_path)
    state = load_image_encoder(local_source(tmp_path)).model.state_dict()
    for name, tensor in clip.model.visual.trunk.state_dict().items():
        torch.testing.assert_close(state[name], tensor)


def test_views_differ_and_stay_within_their_image():
    generator = torch.Generator().manual_seed(0)
    images = torch.stack([torch.full((3, 16, 16), value) for value in (0.0, 0.5)])
    one, other = random_view(images, generator), random_view(images, generator)
    assert one.shape == images.shape
    # Of a plain image a crop is the same but for its brightness.
    torch.testing.assert_close(one, one[:, :, :1, :1].expand_as(one))
    assert ((one - images).abs() <= 0.4 + 1e-6).all()
    assert not torch.equal(one, other)


def test_the_catalogue_is_right_about_timm():
    published = set(timm.list_pretrained())
    for name in image_encoder_names():
        assert name in published
        known = facts(name)
        config = timm.models.get_pretrained_cfg(name)
        assert known["resolution"] == config.input_size[-1]
        assert config.hf_hub_id
    # One of a kind, on no device: the larger ones take seconds.
    for name in ("vit_small_patch14_dinov2.lvd142m", "resnet50.a1_in1k"):
        known = facts(name)
        with torch.device("meta"):
            model = timm.create_model(name, num_classes=0)
        assert known["embed_dim"] == model.num_features
        parameters = sum(p.numel() for p in model.parameters())
        assert known["parameters"] == pytest.approx(parameters, rel=1e-3)
        if known["patch"] == known["patch"]:
            assert model.patch_embed.patch_size == (known["patch"],) * 2
    assert facts("unheard.of") == {}


def test_the_encoders_of_the_studies_are_in_the_catalogue(monkeypatch):
    study = load_study("paper")
    for tower in study.image_encoders.values():
        assert tower.facts["data"]


def test_odd_weights_are_refused_and_what_a_file_leaves_open_is_noted(folder, tmp_path):
    file = tmp_path / "w.safetensors"
    weights = load_file(folder / "model.safetensors")
    save_file(weights, file)
    (note,) = load_image_encoder(f"file:{file}", architecture=NAME).notes
    assert f"that of {NAME} is used: 160 pixels, mean 0.5, 0.5, 0.5" in note
    assert load_image_encoder(local_source(folder)).notes == ()
    save_file({**weights, "pos_embed": weights["pos_embed"][:, :50].contiguous()}, file)
    with pytest.raises(CoodError, match="positions are never stretched"):
        load_image_encoder(f"file:{file}", architecture=NAME)
    weights["norm.bias"][0] = float("nan")
    save_file(weights, file)
    with pytest.raises(CoodError, match=r"NaN or infinity \(norm.bias\)"):
        load_image_encoder(f"file:{file}", architecture=NAME)
