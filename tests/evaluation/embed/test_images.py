import numpy as np
import pandas as pd
import pytest
import torch

from cood.errors import ArtefactError
from cood.evaluation.embed import images as module
from cood.evaluation.embed.images import average, embed_images, embed_pixels
from cood.models.small_clip import untrained_clip
from cood.settings import Towers
from cood.synthesis.image_files import load_image
from cood.synthesis.manifests import read_manifest


@pytest.fixture(scope="module")
def causal():
    clip = untrained_clip(Towers(image_tower="resnet"), seed=0)
    clip.model.eval()
    return clip


@torch.inference_mode()
def test_images_in_batches_are_the_images_one_by_one(causal, done, monkeypatch):
    folder = done.paths.manifest("ao").parent
    names = read_manifest(done, "ao")["image"].tolist()[:7]
    together = embed_images(causal, folder, names)
    assert together.dtype == np.float32
    monkeypatch.setattr(module, "IMAGE_BATCH", 3)
    np.testing.assert_allclose(embed_images(causal, folder, names), together, atol=1e-5)
    alone = causal.model.encode_image(causal.preprocess(load_image(folder, names[4]))[None])
    np.testing.assert_allclose(together[4], alone[0], atol=1e-5)


def test_more_readers_change_nothing_and_hold_two_batches_at_most(causal, done, monkeypatch):
    monkeypatch.setattr(module, "IMAGE_BATCH", 4)
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

    monkeypatch.setattr(module, "load_image", load)
    monkeypatch.setattr(module, "embed_pixels", embed)
    np.testing.assert_array_equal(embed_images(causal, folder, names, readers=3), one)
    assert sorted(begun) == sorted(names)
    assert max(held) <= 8


@pytest.mark.parametrize("readers", [1, 2])
def test_an_image_that_cannot_be_read_is_named(causal, tmp_path, readers):
    with pytest.raises(ArtefactError, match=r"none\.png cannot be read"):
        embed_images(causal, tmp_path, ["none.png"], readers)


def test_averages_are_of_unit_vectors_in_the_order_of_the_words():
    images = np.array([[3, 0], [0, 0.1], [0, 7], [5, 0], [1, 1]], dtype=np.float32)
    shown = pd.Series(["b", "b", "a", "a", ""])
    found = average(images, shown, ["a", "b"])
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [[0.5, 0.5], [0.5, 0.5]])
    np.testing.assert_array_equal(average(images, shown.replace("a", "c"), ["c"]), [[0.5, 0.5]])
    np.testing.assert_allclose(np.linalg.norm(average(images[:1], shown[:1], ["b"])), 1)
