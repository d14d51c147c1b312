import io

import numpy as np
import pytest
from PIL import Image

from cood.synthesis.decoding import decode
from cood.synthesis.generation.saving import finished, save_image

PIXELS = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)


@pytest.mark.parametrize("mark", ["abc 1 red apple", "abc 1 \u8d64 <& {}\"' \u00e9"])
def test_only_a_whole_file_of_the_same_mark_is_finished(tmp_path, mark):
    path = tmp_path / "x.webp"
    save_image(PIXELS, path, mark)
    assert finished(path, mark)
    assert not finished(path, mark.replace("1", "2"))
    whole = path.read_bytes()
    for damaged in (whole[:-1], whole[:20], whole[:5], b"", whole + b"x", b"x" * len(whole)):
        path.write_bytes(damaged)
        assert not finished(path, mark)
    assert not finished(tmp_path / "nowhere.webp", mark)
    Image.fromarray(PIXELS).save(path)
    assert not finished(path, mark)


def test_no_bit_is_lost_and_no_rule_changes_it(tmp_path):
    path = tmp_path / "x.webp"
    ramp = np.indices((64, 64)).sum(axis=0)[..., None].astype(np.uint8) * [1, 2, 3]
    for pixels in (PIXELS, ramp.astype(np.uint8), np.zeros((8, 8, 3), np.uint8)):
        save_image(pixels, path, "abc 1 red apple")
        found = decode(path)
        np.testing.assert_array_equal(np.asarray(found.image), pixels)
        assert found.notes == ()


def test_it_takes_less_space_than_png(tmp_path):
    # Smooth but for noise, as photographs are.
    rng = np.random.default_rng(1)
    waves = np.sin(np.linspace(0, 9, 256))[:, None, None] * np.cos(np.linspace(0, 7, 256))[:, None]
    noisy = 128 + 60 * waves * [1.0, 0.8, 0.6] + rng.normal(0, 3, (256, 256, 1))
    pixels, png = noisy.astype(np.uint8), io.BytesIO()
    Image.fromarray(pixels).save(png, "png", compress_level=1)
    save_image(pixels, tmp_path / "x.webp", "abc 1 red apple")
    assert (tmp_path / "x.webp").stat().st_size < 0.8 * len(png.getvalue())
