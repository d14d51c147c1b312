from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from cood.catalogue.sources import local_source
from cood.errors import ArtefactError
from cood.evaluation.embed import images as module
from cood.evaluation.embed.images import average, batch_of, embed_images, embed_source
from cood.evaluation.embed.preprocessing import split
from cood.evaluation.embed.sources import PixelRows
from cood.models.image_encoders import load_image_encoder
from cood.models.small_clip import untrained_clip
from cood.models.training.image_encoder import save_image_encoder
from cood.settings import Towers
from cood.synthesis.image_files import load_image
from cood.synthesis.manifests import read_manifest
from tests.synthesis.made_images import png, turned


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


def by_hand(encoder, folder, names, batch=256):
    """The plain road: one image after the other through Pillow, then batches of one size."""
    pixels = [encoder.preprocess(load_image(folder, name)) for name in names]
    with torch.inference_mode():
        parts = [encoder.encode_image(part) for part in torch.stack(pixels).split(batch)]
    return torch.cat(parts).numpy()


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoder")
    save_image_encoder(untrained_clip(Towers(image_tower="byobnet"), seed=1), folder)
    return load_image_encoder(local_source(folder))


@pytest.mark.parametrize("which", ["causal", "encoder"])
def test_an_odd_file_is_embedded_as_what_a_viewer_shows(request, tmp_path, which):
    model = request.getfixturevalue(which)
    shown = np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8)
    shown[:20] = 255
    hidden = np.dstack([shown, np.full((40, 48), 255, np.uint8)])
    hidden[:20] = (0, 255, 0, 0)  # green, but transparent
    files = {
        "plain.png": png(shown),
        "turned.png": turned(np.rot90(shown).copy(), 6),
        "hidden.png": png(hidden),
        "both.tif": turned(np.rot90(hidden).copy(), 6, format="tiff"),
        "wrong.jpg": png(shown, format="bmp"),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    plain, *others = embed_images(model, tmp_path, list(files))
    for other in others:
        np.testing.assert_array_equal(other, plain)


@pytest.mark.parametrize("which", ["causal", "encoder"])
@pytest.mark.parametrize("readers", [1, 3])
def test_every_bit_is_that_of_the_plain_road(request, done, which, readers):
    model = request.getfixturevalue(which)
    folder = done.paths.manifest("ao").parent
    names = (read_manifest(done, "ao")["image"].tolist() * 15)[:590]  # the last batch is not full
    expected = by_hand(model, folder, names)
    np.testing.assert_array_equal(embed_images(model, folder, names, readers), expected)
    parts = split(model.preprocess)
    pixels = np.stack([parts.pixels(load_image(folder, name)) for name in names])
    source = PixelRows((pixels[:100], pixels[100:101], pixels[101:]))
    found = embed_source(model, source, parts, readers=readers)
    assert (found.precision, found.again) == ("single", 0)
    np.testing.assert_array_equal(found.values, expected)
    chosen = np.array([3, 99, 100, 101, 400])
    some = embed_source(model, source.rows(chosen), parts).values
    np.testing.assert_array_equal(some, by_hand(model, folder, [names[k] for k in chosen]))


def test_a_preprocessing_that_cannot_be_split_is_done_where_files_are_read(causal, done):
    def preprocess(image):
        return causal.preprocess(image).flip(-1)

    odd = replace(causal, preprocess=preprocess)
    folder = done.paths.manifest("ao").parent
    names = read_manifest(done, "ao")["image"].tolist()[:9]
    found = embed_images(odd, folder, names, readers=2)
    np.testing.assert_array_equal(found, by_hand(odd, folder, names))
    assert np.abs(found - embed_images(causal, folder, names)).max() > 0.01


class Plain:
    """An encoder that gives the mean of each channel, on a device that is given."""

    preprocess = None
    device = torch.device("cpu")

    def __init__(self, largest=1000, wrong=()):
        self.largest, self.wrong, self.batches, self.half = largest, wrong, [], False

    def encode_image(self, pixels):
        if len(pixels) > self.largest:
            raise torch.OutOfMemoryError
        self.batches.append(len(pixels))
        means = pixels.float().mean(dim=(1, 2))
        if self.half:
            means[torch.isin(means[:, 0], torch.tensor(self.wrong))] = torch.inf
        return means


def rows(count):
    return PixelRows((np.repeat(np.arange(count, dtype=np.uint8), 12).reshape(count, 2, 2, 3),))


def test_batches_are_halved_until_they_fit_and_nothing_is_embedded_twice(monkeypatch):
    monkeypatch.setattr(module, "IMAGE_BATCH", 32)
    encoder, lines = Plain(largest=11), []
    found = embed_source(encoder, rows(100), None, say=lines.append).values
    np.testing.assert_array_equal(found[:, 0], np.arange(100))
    assert encoder.batches == [8] * 12 + [4]
    assert [line.rpartition("with ")[2] for line in lines] == [
        "16 images at once",
        "8 images at once",
    ]
    with pytest.raises(torch.OutOfMemoryError):
        embed_source(Plain(largest=0), rows(3), None, say=lines.append)


def test_what_is_not_finite_in_half_precision_is_embedded_again_in_single(monkeypatch):
    encoder = Plain(wrong=(3.0, 50.0))

    @contextmanager
    def computing(precision, device):
        encoder.half = precision == "half"
        yield

    monkeypatch.setattr(module, "computing", computing)
    monkeypatch.setattr(module, "resolve", lambda precision, device: precision)
    found = embed_source(encoder, rows(60), None, precision="half")
    assert (found.precision, found.again) == ("half", 2)
    np.testing.assert_array_equal(found.values[:, 0], np.arange(60))
    assert encoder.batches == [60, 2]


def test_batches_fill_a_gpu_whatever_the_size_of_the_images():
    gpu, cpu = torch.device("cuda"), torch.device("cpu")
    batches = [batch_of(gpu, (size, size, 3)) for size in (32, 224, 256, 336, 448, 20_000)]
    assert batches == [1024, 512, 256, 128, 128, 1]
    assert batch_of(gpu, (3, 224, 224)) == 512
    assert batch_of(cpu, (448, 448, 3)) == 256


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
