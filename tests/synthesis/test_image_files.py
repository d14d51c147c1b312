import hashlib

import pytest

from cood.errors import ArtefactError
from cood.synthesis.image_files import hashes, load_image
from tests.synthesis.made_images import GREY, png, turned


def test_hashes_are_those_of_the_files_in_their_order(tmp_path):
    contents = [b"abc", b"", b"abc", bytes(100_000)]
    names = [f"{k}.png" for k in range(4)]
    for name, content in zip(names, contents, strict=True):
        (tmp_path / name).write_bytes(content)
    assert hashes(tmp_path, names) == [hashlib.sha256(content).hexdigest() for content in contents]
    with pytest.raises(ArtefactError, match=r"gone\.png cannot be read .*makes it again"):
        hashes(tmp_path, ["0.png", "gone.png"])


def test_an_image_of_a_set_is_decoded_by_the_rules_or_refused_by_name(tmp_path):
    (tmp_path / "turned.jpg").write_bytes(turned(GREY[:10], 6, format="jpeg"))
    assert load_image(tmp_path, "turned.jpg").size == (10, 16)
    (tmp_path / "thin.png").write_bytes(png(GREY[:1].repeat(400, axis=1)))
    (tmp_path / "cut.png").write_bytes(png(GREY)[:60])
    for name in ("thin.png", "cut.png", "none.png"):
        with pytest.raises(ArtefactError, match=rf"{name} cannot be read \(.*\); delete it"):
            load_image(tmp_path, name)
