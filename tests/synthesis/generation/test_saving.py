import numpy as np
from PIL import Image

from cood.synthesis.generation.saving import finished, save_image


def test_only_a_whole_file_of_the_same_mark_is_finished(tmp_path):
    path = tmp_path / "x.png"
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    save_image(pixels, path, "abc 1 red apple")
    assert finished(path, "abc 1 red apple")
    assert not finished(path, "abc 2 red apple")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert not finished(path, "abc 1 red apple")
    path.write_bytes(b"")
    assert not finished(path, "abc 1 red apple")
    assert not finished(tmp_path / "nowhere.png", "")
    Image.fromarray(pixels).save(path)
    assert not finished(path, "abc 1 red apple")
