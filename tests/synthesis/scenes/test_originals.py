import dataclasses
import zipfile

import h5py
import numpy as np
import pytest

from cood.errors import CoodError
from cood.factors.table import DSPRITES, SHAPES3D
from cood.synthesis.scenes import originals
from cood.synthesis.scenes.originals import read_dsprites, read_shapes3d


def cut(table, counts):
    """The table with fewer values: the layout of the file, tiny."""
    factors = tuple(
        dataclasses.replace(f, values=f.values[:n], words=f.words[:n])
        for f, n in zip(table.factors, counts, strict=True)
    )
    return dataclasses.replace(table, factors=factors)


TINY = cut(SHAPES3D, (2, 1, 2, 2, 2, 3))
SPRITES = cut(DSPRITES, (3, 2, 2, 2, 2))


@pytest.fixture
def shapes(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (TINY.size, 64, 64, 3), dtype=np.uint8)
    path = tmp_path / "3dshapes.h5"
    with h5py.File(path, "w") as file:
        file["images"] = images
        file["labels"] = TINY.values(TINY.ids(np.arange(TINY.size)))
    return path, images


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    ids = SPRITES.ids(np.arange(SPRITES.size))
    return {
        "imgs": rng.integers(0, 2, (SPRITES.size, 64, 64), dtype=np.uint8),
        "latents_classes": np.concatenate([np.zeros((len(ids), 1), int), ids], axis=1),
        "metadata": np.array({"date": "2017"}, dtype=object),  # pickled, as published
    }


@pytest.fixture
def save(tmp_path):
    def make(arrays):
        np.savez_compressed(tmp_path / "dsprites.npz", **arrays)
        return tmp_path / "dsprites.npz"

    return make


SCENES = np.array([7, 2, 2, 40])


def test_rows_of_shapes3d_in_the_order_asked(shapes):
    path, images = shapes
    np.testing.assert_array_equal(read_shapes3d(path, TINY, SCENES), images[SCENES])


def test_rows_of_the_whole_file_without_reading_the_rest(tmp_path):
    path = tmp_path / "3dshapes.h5"
    scenes = np.array([479_999, 5])
    with h5py.File(path, "w") as file:  # as published, nothing in it but two rows
        images = file.create_dataset("images", (480_000, 64, 64, 3), "u1", chunks=(1, 64, 64, 3))
        labels = file.create_dataset("labels", (480_000, 6), "f8", chunks=(1, 6))
        for scene in scenes:
            labels[scene] = SHAPES3D.values(SHAPES3D.ids(np.array([scene])))[0]
            images[scene] = scene % 251
    assert path.stat().st_size < 5_000_000
    pixels = read_shapes3d(path, SHAPES3D, scenes)
    assert pixels.shape == (2, 64, 64, 3)
    assert list(pixels[:, 0, 0, 0]) == [479_999 % 251, 5]


@pytest.mark.parametrize("block", [2**24, 10_000])
def test_rows_of_dsprites_are_white_on_black(save, arrays, monkeypatch, block):
    monkeypatch.setattr(originals, "BLOCK", block)
    pixels = read_dsprites(save(arrays), SPRITES, SCENES)
    expected = np.repeat(255 * arrays["imgs"][SCENES][..., None], 3, axis=-1)
    np.testing.assert_array_equal(pixels, expected)
    assert pixels.dtype == np.uint8


def test_nothing_is_unpickled(save, arrays, monkeypatch):
    def never(*args, **kwargs):
        raise AssertionError("something was unpickled")

    path = save(arrays)
    monkeypatch.setattr("pickle.load", never)
    monkeypatch.setattr("pickle.loads", never)
    read_dsprites(path, SPRITES, SCENES)
    arrays["latents_classes"] = arrays["latents_classes"].astype(object)
    with pytest.raises(CoodError, match="latents_classes holds pickled objects"):
        read_dsprites(save(arrays), SPRITES, SCENES)


@pytest.mark.parametrize(
    ("read", "table", "place"),
    [
        (read_shapes3d, SHAPES3D, "deepmind/3d-shapes"),
        (read_dsprites, DSPRITES, "google-deepmind/dsprites-dataset"),
    ],
)
def test_a_missing_file_says_where_to_get_it(tmp_path, read, table, place):
    with pytest.raises(CoodError, match=f"nowhere.* does not exist; .*repository {place}"):
        read(tmp_path / "nowhere", table, SCENES)


@pytest.mark.parametrize("key", ["images", "labels"])
def test_shapes3d_without_a_key(shapes, key):
    path, _ = shapes
    with h5py.File(path, "a") as file:
        del file[key]
    with pytest.raises(CoodError, match=f"3dshapes.h5: {key} is missing, expected"):
        read_shapes3d(path, TINY, SCENES)


def test_another_number_of_rows(shapes, save, arrays):
    with pytest.raises(CoodError, match=r"images has the shape \(48, .*expected \(480000, 64"):
        read_shapes3d(shapes[0], SHAPES3D, SCENES)
    with pytest.raises(CoodError, match=r"latents_classes has the shape \(48, 6\)"):
        read_dsprites(save(arrays), DSPRITES, SCENES)


def test_rows_in_another_order(shapes, save, arrays):
    path, _ = shapes
    with h5py.File(path, "a") as file:
        file["labels"][7, 3] = 0.5
    with pytest.raises(CoodError, match=r"row 7 has 0\.5 for scale, expected 0\.8"):
        read_shapes3d(path, TINY, SCENES)
    arrays["latents_classes"] = arrays["latents_classes"][::-1]
    with pytest.raises(CoodError, match=r"row 2 has .* for shape, expected"):
        read_dsprites(save(arrays), SPRITES, SCENES)


def test_dsprites_without_a_key(save, arrays):
    del arrays["imgs"]
    with pytest.raises(CoodError, match="imgs is missing"):
        read_dsprites(save(arrays), SPRITES, SCENES)


@pytest.mark.parametrize(("read", "table"), [(read_shapes3d, TINY), (read_dsprites, SPRITES)])
def test_a_file_of_another_kind(tmp_path, read, table):
    path = tmp_path / "x"
    path.write_bytes(b"no such file" * 100)
    with pytest.raises(CoodError, match=r"x cannot be read .*download it again"):
        read(path, table, SCENES)


def test_a_truncated_file(shapes, save, arrays):
    path, _ = shapes
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(CoodError, match=r"3dshapes\.h5 cannot be read"):
        read_shapes3d(path, TINY, SCENES)
    path = save(arrays)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("more", "")
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(CoodError, match=r"dsprites.npz cannot be read"):
        read_dsprites(path, SPRITES, SCENES)
