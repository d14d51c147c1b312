import hashlib
import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from cood.errors import ArtefactError
from cood.synthesis.image_files import fault, hashes, to_rgb

RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)


def bomb(side):
    """A PNG file that claims to have `side` x `side` pixels."""

    def chunk(kind, data):
        whole = kind + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    packed = zlib.compress(bytes(1000))
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", packed), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def png(array_or_picture, **options):
    buffer = io.BytesIO()
    picture = array_or_picture
    if not isinstance(picture, Image.Image):
        picture = Image.fromarray(picture)
    picture.save(buffer, **{"format": "png", **options})
    return buffer.getvalue()


def read(content):
    with Image.open(io.BytesIO(content)) as picture:
        return np.asarray(to_rgb(picture))


GREY = np.repeat(RAMP[..., None], 3, axis=2)


def test_sixteen_bits_are_scaled_not_clipped():
    deep = RAMP.astype(np.uint16) * 257
    with Image.open(io.BytesIO(png(deep))) as picture:
        assert picture.mode.startswith("I")
    np.testing.assert_array_equal(read(png(deep)), GREY)
    np.testing.assert_array_equal(read(png(deep, format="tiff")), GREY)
    np.testing.assert_array_equal(np.asarray(to_rgb(Image.fromarray(deep.astype(np.int32)))), GREY)


def test_palettes_give_their_colours():
    picture = Image.fromarray(GREY).quantize(256)
    np.testing.assert_array_equal(read(png(picture)), GREY)
    picture = Image.new("P", (2, 1))
    picture.putpalette([250, 0, 0, 0, 0, 250])
    picture.putpixel((1, 0), 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read(png(picture, transparency=bytes([255, 128])))
    np.testing.assert_array_equal(found, [[[250, 0, 0], [0, 0, 250]]])


def test_cmyk_is_converted():
    inks = np.zeros((4, 4, 4), np.uint8)
    inks[..., 1:3] = 255  # magenta and yellow make red
    found = read(png(Image.fromarray(inks, mode="CMYK"), format="tiff"))
    np.testing.assert_array_equal(found, np.full((4, 4, 3), [255, 0, 0]))
    found = read(png(Image.fromarray(inks, mode="CMYK"), format="jpeg", quality=100))
    assert np.abs(found.astype(int) - [255, 0, 0]).max() <= 3


@pytest.mark.parametrize("kind", ["gif", "png", "webp"])
def test_of_an_animation_the_first_frame_is_taken(kind):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "green")]
    options = {"save_all": True, "append_images": frames[1:]}
    if kind == "webp":
        options["lossless"] = True
    found = read(png(frames[0], format=kind, **options))
    np.testing.assert_array_equal(found, np.full((8, 8, 3), [255, 0, 0]))


def test_floating_point_pixels_are_refused():
    picture = Image.fromarray(np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4))
    with pytest.raises(ValueError, match="of unknown range"):
        to_rgb(picture)


WHOLE = png(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (WHOLE, None),
        (png(GREY, format="jpeg"), None),
        (b"", "empty file"),
        (b"this is text, called an image", "not an image"),
        (b"<svg onload=alert(1)>", "not an image"),
        (WHOLE[:700], "damaged: "),
        (WHOLE[:60], "damaged: "),
        (WHOLE[:20], "damaged: "),
        (WHOLE[:500] + b"\x00" * 200 + WHOLE[700:], "damaged: "),
        (png(GREY, format="jpeg")[:300], "damaged: "),
        (bomb(20_000), "too large: more than 89,478,485 pixels"),
        (bomb(10_000), "too large: more than 89,478,485 pixels"),
        (png(Image.fromarray(np.ones((4, 4), np.float32)), format="tiff"), "damaged: its pixels"),
    ],
)
def test_the_fault_of_a_file_is_named(tmp_path, content, reason):
    path = tmp_path / "x.png"
    path.write_bytes(content)
    found = fault(path)
    if reason is None:
        assert found is None
    else:
        assert found.startswith(reason)
        assert "\n" not in found


def test_hashes_are_those_of_the_files_in_their_order(tmp_path):
    contents = [b"abc", b"", b"abc", bytes(100_000)]
    names = [f"{k}.png" for k in range(4)]
    for name, content in zip(names, contents, strict=True):
        (tmp_path / name).write_bytes(content)
    assert hashes(tmp_path, names) == [hashlib.sha256(content).hexdigest() for content in contents]
    with pytest.raises(ArtefactError, match=r"gone\.png cannot be read .*makes it again"):
        hashes(tmp_path, ["0.png", "gone.png"])
