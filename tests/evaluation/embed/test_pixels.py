import os
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cood.catalogue.preprocessing import Preprocessing
from cood.errors import ArtefactError, StudyError
from cood.evaluation.embed import pixels as module
from cood.evaluation.embed.embed import embed_model
from cood.evaluation.embed.pixels import decode, make_pixels, open_pixels, tables_of
from cood.evaluation.embed.preprocessing import of_settings
from cood.files import read_tensors
from cood.synthesis.image_files import load_image, save_images

SMALL = Preprocessing(32)


def quiet(text):
    pass


@pytest.fixture
def pictures(tmp_path):
    """A folder with 90 images of different sizes, and their table."""
    rng = np.random.default_rng(0)
    names = [f"{k}.png" for k in range(90)]
    shapes = rng.integers(20, 60, (90, 2))
    save_images(tmp_path, names, (rng.integers(0, 256, (*s, 3), dtype=np.uint8) for s in shapes))
    return tmp_path, pd.DataFrame({"image": names})


def expected(folder, table):
    return np.stack([of_settings(SMALL).pixels(load_image(folder, n)) for n in table["image"]])


def whole(rows):
    out = np.empty((len(rows), *rows.shape), np.uint8)
    rows.read(0, out)
    return out


@pytest.mark.parametrize("cores", [1, 2])
def test_shards_hold_the_pixels_in_the_order_of_the_table(pictures, tmp_path, monkeypatch, cores):
    monkeypatch.setattr(module, "SHARD_BYTES", 32 * 32 * 3 * 40)
    folder, table = pictures
    lines, place = [], tmp_path / "pixels" / SMALL.name
    tables = {
        "a/images": pictures,
        "a/isolated": (folder, table[:3]),
        "b/images": (folder, table[:0]),
    }
    decode(tables, of_settings(SMALL), place, lines.append, cores)
    assert lines[-1] == "93 of 93 images decoded"
    assert sorted(p.name for p in place.rglob("*.npy")) == [
        "images-00000.npy",
        "images-00001.npy",
        "images-00002.npy",
        "isolated-00000.npy",
    ]
    found = open_pixels(place, of_settings(SMALL))
    rows = found.rows("a", "images", table)
    assert isinstance(rows.arrays[0], np.memmap)
    np.testing.assert_array_equal(whole(rows), expected(folder, table))
    chosen = np.array([41, 2, 89])
    np.testing.assert_array_equal(whole(rows.rows(chosen)), expected(folder, table)[chosen])
    np.testing.assert_array_equal(
        whole(rows.rows(chosen).rows(np.array([2]))), expected(folder, table)[89:]
    )
    assert len(found.rows("a", "isolated", table[:3])) == 3
    for other in (table[:80], table[::-1], table.assign(more=1)):
        assert found.rows("a", "images", other) is None
    assert found.rows("b", "images", table[:0]) is None
    assert found.rows("c", "images", table) is None


def test_pixels_of_another_preprocessing_are_not_taken(pictures, tmp_path):
    place = tmp_path / "pixels" / SMALL.name
    assert open_pixels(place, of_settings(SMALL)) is None
    decode({"a/images": pictures}, of_settings(SMALL), place, quiet)
    assert open_pixels(place, of_settings(SMALL)) is not None
    for other in (
        Preprocessing(32, "bilinear"),
        Preprocessing(31),
        Preprocessing(32, resize_mode="squash"),
    ):
        assert open_pixels(place, of_settings(other)) is None


def test_a_run_that_was_killed_goes_on_and_leaves_no_process(pictures, tmp_path, monkeypatch):
    folder, table = pictures
    place = tmp_path / "pixels" / SMALL.name
    monkeypatch.setattr(module, "SHARD_BYTES", 32 * 32 * 3 * 10)
    monkeypatch.setattr(module, "TASK", 5)

    def slow(*args):
        (tmp_path / f"process-{os.getpid()}").touch()
        time.sleep(0.05)
        return load_image(*args)

    with monkeypatch.context() as patch:
        patch.setattr(module, "load_image", slow)
        decoding = ({"a/images": pictures}, of_settings(SMALL), place, quiet, 2)
        run = get_context("fork").Process(target=decode, args=decoding)
        run.start()
        while len(list(place.rglob("images-*.npy"))) < 3:
            assert run.is_alive()
            time.sleep(0.02)
        run.kill()
        run.join()
    workers = [int(file.name.partition("-")[2]) for file in tmp_path.glob("process-*")]
    assert len(workers) == 2
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    kept = {p: p.stat().st_mtime_ns for p in place.rglob("images-*.npy")}
    assert 3 <= len(kept) < 9
    lines = []
    decode({"a/images": pictures}, of_settings(SMALL), place, lines.append)
    assert lines[-1] == f"{90 - 10 * len(kept)} of {90 - 10 * len(kept)} images decoded"
    for file, changed in kept.items():
        assert file.stat().st_mtime_ns == changed
    rows = open_pixels(place, of_settings(SMALL)).rows("a", "images", table)
    np.testing.assert_array_equal(whole(rows), expected(folder, table))


def test_unfinished_work_of_another_table_is_thrown_away(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SHARD_BYTES", 32 * 32 * 3 * 10)
    folder, table = pictures
    place = tmp_path / "pixels" / SMALL.name
    os.remove(folder / "55.png")
    with pytest.raises(ArtefactError, match=r"55\.png cannot be read"):
        decode({"a/images": pictures}, of_settings(SMALL), place, quiet)
    assert len(list(place.parent.rglob("*.npy"))) == 5
    assert not [p for p in place.parent.rglob(".*.tmp")]
    turned = table[:50][::-1].reset_index(drop=True)
    decode({"a/images": (folder, turned)}, of_settings(SMALL), place, quiet)
    rows = open_pixels(place, of_settings(SMALL)).rows("a", "images", turned)
    np.testing.assert_array_equal(whole(rows), expected(folder, turned))


@pytest.mark.parametrize("cores", [1, 2])
def test_an_image_that_cannot_be_read_is_named(tmp_path, cores):
    table = pd.DataFrame({"image": ["none.png"] * 40})
    with pytest.raises(ArtefactError, match=r"none\.png cannot be read"):
        decode({"a/images": (tmp_path, table)}, of_settings(SMALL), tmp_path / "p", quiet, cores)


def test_embeddings_from_pixels_are_those_from_files(copied_factors, monkeypatch):
    study = copied_factors
    make_pixels(study, SMALL.name, quiet)
    place = study.paths.pixels(SMALL.name)
    assert {p.parent.name for p in place.rglob("*.npy")} == {"ao", "shapes", "sprites"}
    assert set(tables_of(study, "ao")) == {"images", "isolated"}
    assert set(tables_of(study, "shapes")) == {"images"}

    def forbidden(*args):
        raise AssertionError("an image was decoded")

    monkeypatch.setattr("cood.evaluation.embed.sources.load_image", forbidden)
    for model, set_ in (("few", "ao"), ("on-shapes", "shapes")):
        file = study.paths.embeddings(model, set_)
        before, metadata = read_tensors(file)
        file.unlink()
        embed_model(study, model, quiet)
        after, again = read_tensors(file)
        assert again == metadata
        assert metadata["precision"] == "single"
        assert set(before) == set(after)
        for name in before:
            np.testing.assert_array_equal(after[name], before[name])


def test_an_unknown_preprocessing_is_refused(copied):
    with pytest.raises(StudyError, match=r"unknown preprocessing '224'.*32-bicubic-shortest"):
        make_pixels(copied, "224", quiet)
