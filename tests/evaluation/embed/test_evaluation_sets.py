import dataclasses
import hashlib
import json

import numpy as np
import open_clip
import pandas as pd
import pytest
import torch

from cood.catalogue.sources import local_source
from cood.errors import ArtefactError, StudyError
from cood.evaluation.embed import evaluation_sets as embedding
from cood.evaluation.embed.evaluation_sets import (
    average,
    embed_images,
    embed_pixels,
    embed_set,
    embed_texts,
    embed_with,
)
from cood.files import read_tensors
from cood.models.clip import Clip, text_tower
from cood.models.loading import load
from cood.models.small_clip import save_clip, untrained_clip
from cood.synthesis.image_files import load_image
from cood.synthesis.manifests import read_isolated, read_manifest
from cood.vocabulary import TEMPLATES

NAMES = ["red apple", "moss covered fountain pen", "hat", "blue plaid ice cream"]


def quiet(text):
    pass


@pytest.fixture(scope="module")
def causal():
    clip = untrained_clip("resnet", seed=0)
    clip.model.eval()
    return clip


@pytest.fixture(scope="module")
def bidirectional():
    clip = untrained_clip("resnet-bidirectional", seed=0)
    clip.model.eval()
    return clip


def built_in(name):
    """An architecture of open_clip with random weights."""
    torch.manual_seed(0)
    model = open_clip.create_model(name).eval()
    config = open_clip.get_model_config(name)
    return Clip(name, model, None, open_clip.get_tokenizer(name), config)


def lengths_taken(clip, names, **options):
    """Numbers of tokens that the text tower was given."""
    taken = []

    def note(text):
        taken.append(text.shape[1])
        return type(clip.model).encode_text(clip.model, text)

    clip.model.encode_text = note
    try:
        embed_texts(clip, names, TEMPLATES, **options)
    finally:
        del clip.model.encode_text
    return set(taken)


@pytest.mark.parametrize("names", [NAMES, NAMES[2:3], ["hat " * 40]])
def test_a_shorter_context_changes_nothing_for_a_causal_tower(causal, names):
    short = embed_texts(causal, names, TEMPLATES)
    whole = embed_texts(causal, names, TEMPLATES, shorten=False)
    np.testing.assert_allclose(short, whole, atol=1e-5)
    assert short.dtype == np.float32


# With the text tower inside the model (ViT) and apart from it (a custom text model).
@pytest.mark.parametrize("name", ["ViT-S-32-alt", "EVA02-B-16"])
def test_a_shorter_context_changes_nothing_for_models_of_open_clip(name):
    clip = built_in(name)
    assert clip.causal_text
    whole = embed_texts(clip, NAMES[:2], TEMPLATES[:2], shorten=False)
    np.testing.assert_allclose(embed_texts(clip, NAMES[:2], TEMPLATES[:2]), whole, atol=1e-5)
    assert max(lengths_taken(clip, NAMES[:2])) < 20


def test_the_context_is_cut_and_put_back(causal):
    tower = text_tower(causal.model)
    context = tower.positional_embedding.shape[0]
    before = tower.positional_embedding, tower.attn_mask
    assert lengths_taken(causal, ["hat"]) == {7}  # start, a photo of a hat, end
    assert lengths_taken(causal, ["hat"], shorten=False) == {context}
    assert before == (tower.positional_embedding, tower.attn_mask)
    assert tower.positional_embedding.shape[0] == context


def test_the_context_is_put_back_after_an_error(causal):
    tower = text_tower(causal.model)
    before = tower.positional_embedding
    with pytest.raises(ZeroDivisionError), embedding._context(causal.model, 4):  # noqa: PT012
        assert tower.positional_embedding.shape[0] == 4
        raise ZeroDivisionError
    assert tower.positional_embedding is before


def test_a_tower_that_looks_at_the_padding_is_left_whole(bidirectional):
    assert not bidirectional.causal_text
    context = bidirectional.config["text_cfg"]["context_length"]
    assert lengths_taken(bidirectional, ["hat"]) == {context}
    np.testing.assert_array_equal(
        embed_texts(bidirectional, NAMES, TEMPLATES),
        embed_texts(bidirectional, NAMES, TEMPLATES, shorten=False),
    )


@torch.inference_mode()
def test_cutting_would_change_a_tower_that_looks_at_the_padding(causal, bidirectional):
    change = {}
    for clip in (causal, bidirectional):
        tower = text_tower(clip.model)
        tokens = clip.tokenize(["hat"])
        length = int((tokens != 0).sum())
        whole = clip.model.encode_text(tokens, normalize=True)
        position, mask = tower.positional_embedding, tower.attn_mask
        tower.positional_embedding = torch.nn.Parameter(position[:length], requires_grad=False)
        tower.attn_mask = None if mask is None else mask[:length, :length]
        cut = clip.model.encode_text(tokens[:, :length], normalize=True)
        tower.positional_embedding, tower.attn_mask = position, mask
        change[clip.source] = float((whole - cut).abs().max())
    assert change["resnet"] < 1e-5
    assert change["resnet-bidirectional"] > 0.01


def test_a_prompt_with_token_zero_is_not_cut_short(causal):
    templates = ["a {} !="]
    assert (causal.tokenize(["a hat !="])[0, :5] == 0).any()
    short = embed_texts(causal, ["hat"], templates)
    np.testing.assert_allclose(
        short, embed_texts(causal, ["hat"], templates, shorten=False), atol=1e-5
    )


@pytest.mark.parametrize("which", ["causal", "bidirectional"])
def test_many_classes_at_once_are_one_at_a_time(request, monkeypatch, which):
    clip = request.getfixturevalue(which)
    together = embed_texts(clip, NAMES, TEMPLATES)
    alone = np.concatenate([embed_texts(clip, [name], TEMPLATES) for name in NAMES])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    monkeypatch.setattr(embedding, "TEXT_BATCH", 3)
    np.testing.assert_allclose(embed_texts(clip, NAMES, TEMPLATES), together, atol=1e-5)


@torch.inference_mode()
def test_templates_are_averaged_after_normalising(causal):
    found = embed_texts(causal, ["hat"], TEMPLATES)
    units = [
        causal.model.encode_text(causal.tokenize([t.format("hat")]), normalize=True)
        for t in TEMPLATES
    ]
    np.testing.assert_allclose(found, torch.cat(units).mean(dim=0, keepdim=True), atol=1e-5)
    assert np.linalg.norm(embed_texts(causal, ["hat"], TEMPLATES[:1])) == pytest.approx(1)
    assert np.linalg.norm(found) < 1


@torch.inference_mode()
def test_images_in_batches_are_the_images_one_by_one(causal, done, monkeypatch):
    folder = done.paths.manifest("ao").parent
    names = read_manifest(done, "ao")["image"].tolist()[:7]
    together = embed_images(causal, folder, names)
    assert together.dtype == np.float32
    monkeypatch.setattr(embedding, "IMAGE_BATCH", 3)
    np.testing.assert_allclose(embed_images(causal, folder, names), together, atol=1e-5)
    alone = causal.model.encode_image(causal.preprocess(load_image(folder, names[4]))[None])
    np.testing.assert_allclose(together[4], alone[0], atol=1e-5)


def test_more_readers_change_nothing_and_hold_two_batches_at_most(causal, done, monkeypatch):
    monkeypatch.setattr(embedding, "IMAGE_BATCH", 4)
    folder = done.paths.manifest("ao").parent
    names = read_manifest(done, "ao")["image"].tolist()[:30]
    one = embed_images(causal, folder, names)
    begun, embedded, held = [], [], []

    def load(place, name):
        begun.append(name)
        held.append(len(begun) - len(embedded))
        return load_image(place, name)

    def embed(clip, pixels):
        embedded.extend(pixels)
        return embed_pixels(clip, pixels)

    monkeypatch.setattr(embedding, "load_image", load)
    monkeypatch.setattr(embedding, "embed_pixels", embed)
    np.testing.assert_array_equal(embed_images(causal, folder, names, readers=3), one)
    assert sorted(begun) == sorted(names)
    assert max(held) <= 8


@pytest.mark.parametrize("readers", [1, 2])
def test_an_image_that_cannot_be_read_is_named(causal, tmp_path, readers):
    with pytest.raises(ArtefactError, match=r"none\.png cannot be read"):
        embed_images(causal, tmp_path, ["none.png"], readers)


def test_what_is_written_for_a_set(done):
    tensors, metadata = read_tensors(done.paths.embeddings("few", "ao"))
    shapes = {name: array.shape for name, array in tensors.items()}
    assert shapes == {
        "images": (40, 64),
        "compositions": (20, 64),
        "attributes": (4, 64),
        "objects": (5, 64),
        "isolated_attributes": (4, 64),
        "isolated_objects": (5, 64),
    }
    assert all(array.dtype == np.float32 for array in tensors.values())
    clip = load(local_source(done.paths.model("few")))
    assert metadata["checkpoint"] == "few"
    assert metadata["parameters"] == str(sum(p.numel() for p in clip.model.parameters()))
    assert json.loads(metadata["templates"]) == done.evaluation.templates
    table = read_manifest(done, "ao").to_csv(index=False)
    assert metadata["manifest"] == hashlib.sha256(table.encode()).hexdigest()
    table = read_isolated(done, "ao").to_csv(index=False)
    assert metadata["isolated"] == hashlib.sha256(table.encode()).hexdigest()
    templates = done.evaluation.templates
    np.testing.assert_allclose(
        tensors["attributes"][2], embed_texts(clip, ["striped thing"], templates)[0], atol=1e-5
    )
    np.testing.assert_allclose(
        tensors["compositions"][13], embed_texts(clip, ["striped bus"], templates)[0], atol=1e-5
    )
    # Not of unit length: what the image tower gave.
    assert np.linalg.norm(tensors["images"], axis=1).std() > 0


@torch.inference_mode()
def test_isolated_words_are_means_over_their_own_images(done):
    tensors, _ = read_tensors(done.paths.embeddings("few", "ao"))
    clip = load(local_source(done.paths.model("few")))
    folder = done.paths.manifest("ao").parent
    for kind, word, name in (("attribute", "striped", "attributes"), ("object", "hat", "objects")):
        files = sorted((folder / "isolated" / name / word).glob("*.png"))
        pixels = [clip.preprocess(load_image(files[0].parent, file.name)) for file in files]
        unit = clip.model.encode_image(torch.stack(pixels), normalize=True)
        row = getattr(done.words, f"{kind}s").index(word)
        np.testing.assert_allclose(
            tensors[f"isolated_{name}"][row], unit.mean(dim=0), rtol=0, atol=1e-5
        )


def test_averages_are_of_unit_vectors_in_the_order_of_the_words():
    images = np.array([[3, 0], [0, 0.1], [0, 7], [5, 0], [1, 1]], dtype=np.float32)
    shown = pd.Series(["b", "b", "a", "a", ""])
    found = average(images, shown, ["a", "b"])
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [[0.5, 0.5], [0.5, 0.5]])
    np.testing.assert_array_equal(average(images, shown.replace("a", "c"), ["c"]), [[0.5, 0.5]])
    np.testing.assert_allclose(np.linalg.norm(average(images[:1], shown[:1], ["b"])), 1)


def test_a_model_from_a_folder_takes_the_same_road(copied, parse, tmp_path):
    few = copied.paths.embeddings("few", "ao")
    study = parse(models={"c": {"checkpoint": local_source(copied.paths.model("few"))}})
    embed_set(study, "c", "ao", quiet)
    left, right = (read_tensors(f)[0] for f in (few, study.paths.embeddings("c", "ao")))
    for name in left:
        np.testing.assert_array_equal(left[name], right[name])


def test_embedding_before_training_is_told(copied):
    with pytest.raises(ArtefactError, match="models/most cannot be loaded"):
        embed_set(copied, "most", "ao", quiet)
    with pytest.raises(StudyError, match="unknown model 'nobody'"):
        embed_set(copied, "nobody", "ao", quiet)
    assert not copied.paths.embeddings("most", "ao").exists()


def test_a_checkpoint_that_cannot_be_had_leaves_a_reason(copied, parse):
    study = parse(models={"c": {"checkpoint": "ViT-B-32/nowhere"}})
    embed_set(study, "c", "ao", quiet)
    tensors, metadata = read_tensors(study.paths.embeddings("c", "ao"))
    assert tensors == {}
    assert "ViT-B-32/nowhere" in metadata["missing"]


def test_cutting_follows_the_configuration(causal):
    config = json.loads(json.dumps(causal.config))
    config["text_cfg"]["pool_type"] = "last"
    clip = dataclasses.replace(causal, config=config)
    assert not clip.causal_text
    assert lengths_taken(clip, ["hat"]) == {config["text_cfg"]["context_length"]}


def test_a_saved_bidirectional_model_stays_so(bidirectional, tmp_path):
    save_clip(bidirectional, tmp_path)
    clip = load(local_source(tmp_path))
    assert not clip.causal_text
    np.testing.assert_array_equal(
        embed_texts(clip, NAMES, TEMPLATES), embed_texts(bidirectional, NAMES, TEMPLATES)
    )


def test_several_ensembles_are_read_at_once(causal):
    ensembles = {"": TEMPLATES, "bare": ["{}"], "photo": [TEMPLATES[0]]}
    found = embed_with(causal, NAMES, ensembles)
    assert list(found) == list(ensembles)
    for key, templates in ensembles.items():
        expected = embed_texts(causal, NAMES, templates)
        np.testing.assert_allclose(found[key], expected, atol=1e-6)
