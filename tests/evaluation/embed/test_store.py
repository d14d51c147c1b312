import hashlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cood.evaluation.embed.store import embed_new, maker_of
from cood.files import read_tensors
from cood.models.image_encoders import ImageOnlyEncoder

MAKER = {"model": "m", "precision": "single"}


def hash_of(image):
    return hashlib.sha256(str(image).encode()).hexdigest()


class Model:
    """Embeds an image, which is a number, as that number and its square; notes what it sees."""

    def __init__(self, images):
        self.images = np.asarray(images)
        self.seen = []

    def __call__(self, numbers):
        images = self.images[numbers]
        self.seen += images.tolist()
        return np.stack([images, images**2], axis=1).astype(np.float32)


def embedded(path, images, maker=MAKER):
    model = Model(images)
    values = embed_new(path, maker, [hash_of(image) for image in images], model)
    np.testing.assert_array_equal(values, np.stack([images, np.square(images)], axis=1))
    return model.seen


@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=12), max_size=4))
def test_each_image_is_embedded_once_whatever_is_kept(tmp_path_factory, runs):
    path, before = tmp_path_factory.mktemp("store") / "ao.safetensors", set()
    for images in runs:
        assert sorted(embedded(path, images)) == sorted(set(images) - before)
        before |= set(images)


def test_of_half_precision_it_takes_half_the_space(tmp_path):
    path, maker = tmp_path / "ao.safetensors", MAKER | {"precision": "half"}
    assert embedded(path, [1, 2, 3], maker) == [1, 2, 3]  # numbers that float16 holds exactly
    assert read_tensors(path)[0]["values"].dtype == np.float16
    assert embedded(path, [3, 4], maker) == [4]


def test_no_images_are_none(tmp_path):
    path = tmp_path / "ao.safetensors"
    assert len(embed_new(path, MAKER, [], lambda numbers: pytest.fail("called"))) == 0
    assert not path.exists()


def test_a_file_that_needs_nothing_new_is_not_written(tmp_path):
    path = tmp_path / "ao.safetensors"
    embedded(path, [1, 2, 3])
    path.chmod(0o400)
    before = path.stat().st_mtime_ns
    assert embedded(path, [3, 1]) == []
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize("key", MAKER)
def test_what_another_made_is_embedded_again(tmp_path, key):
    path = tmp_path / "ao.safetensors"
    embedded(path, [1, 2])
    other = MAKER | {key: "another"}
    assert embedded(path, [2, 3], other) == [2, 3]
    assert embedded(path, [2, 3], other) == []
    assert len(read_tensors(path)[0]["keys"]) == 2


def test_a_damaged_store_is_made_again(tmp_path):
    path = tmp_path / "ao.safetensors"
    embedded(path, [1, 2])
    path.write_bytes(path.read_bytes()[:-5])
    assert embedded(path, [1, 2]) == [1, 2]
    assert embedded(path, [1, 2]) == []


def test_a_run_that_ends_meanwhile_leaves_the_store_as_it_was(tmp_path):
    path = tmp_path / "ao.safetensors"
    embedded(path, [1, 2])

    def stopped(numbers):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed_new(path, MAKER, [hash_of(3)], stopped)
    assert embedded(path, [1, 2]) == []
    assert [file.name for file in tmp_path.iterdir()] == ["ao.safetensors"]


def encoder(activation=torch.nn.ReLU, weight=1.0, preprocess="resize"):
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), activation())
    with torch.no_grad():
        model[0].weight.fill_(weight)
        model[0].bias.fill_(0)
    return ImageOnlyEncoder("x", model, preprocess, {})


def test_makers_differ_in_all_that_decides_an_embedding():
    own = maker_of(encoder(), "single", "code")
    assert own == maker_of(encoder(), "single", "code")
    others = [
        maker_of(encoder(weight=1 + 2**-23), "single", "code"),
        maker_of(encoder(activation=torch.nn.GELU), "single", "code"),
        maker_of(encoder(preprocess="crop"), "single", "code"),
        maker_of(encoder(), "half", "code"),
        maker_of(encoder(), "single", "changed"),
    ]
    assert all(other != own for other in others)
    assert len({str(other) for other in others}) == len(others)


def test_places_in_memory_tell_no_makers_apart():
    steps = [lambda image: image for _ in range(2)]
    one, other = (maker_of(encoder(preprocess=step), "single", "") for step in steps)
    assert "lambda" in one["preprocessing"]
    assert one == other
