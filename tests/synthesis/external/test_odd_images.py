"""Two hundred image files, each made and then damaged by a seeded draw: none is lost in silence."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cood.errors import CoodError
from cood.scorecard.photos import read_photos
from cood.synthesis.decoding import LARGEST, THINNEST, size_of
from cood.synthesis.external.transfer import _transfer_part
from cood.synthesis.image_files import load_image
from tests.synthesis.made_images import bomb

MUTATIONS = 200
FORMATS = ("png", "jpeg", "gif", "webp", "bmp", "tiff")
MODES = ("RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "I;16", "F", "I")


def made(rng):
    """A file of a random format, mode and size, with an orientation or several frames at times."""
    size = [(1, 1), (16, 9), (9, 16), (40, 30), (1, THINNEST), (1, 400), (300, 2)][rng.integers(7)]
    noise = Image.fromarray(rng.integers(0, 256, (size[1], size[0], 4), dtype=np.uint8))
    mode, kind = rng.choice(MODES), rng.choice(FORMATS)
    grey = np.asarray(noise.convert("L"))
    if mode == "I;16":
        picture = Image.fromarray(grey.astype(np.uint16) * 257)
    elif mode == "I":
        picture = Image.fromarray(grey.astype(np.int32) * int(rng.integers(1, 2**20)))
    else:
        picture = noise.convert("RGB").convert(mode) if mode == "CMYK" else noise.convert(mode)
    exif = Image.Exif()
    exif[0x0112] = int(rng.integers(0, 10))
    options = (
        {"exif": exif} if kind in ("jpeg", "png", "webp", "tiff") and rng.random() < 0.5 else {}
    )
    if kind in ("png", "gif", "webp", "tiff") and rng.random() < 0.3:
        options |= {"save_all": True, "append_images": [picture.rotate(180)]}
    buffer = io.BytesIO()
    try:
        picture.save(buffer, format=kind, **options)
    except (OSError, ValueError, KeyError, AttributeError):  # a mode that the format does not have
        noise.convert("RGB").save(buffer, format=kind)
    return buffer.getvalue()


def mutated(content, rng):
    """The same file, cut, with other bytes, with bytes more or fewer, or whole."""
    data = bytearray(content)
    kind = rng.integers(7)
    place = int(rng.integers(len(data)))
    if kind == 0:
        del data[place:]
    elif kind == 1:
        for place in rng.integers(0, len(data), int(rng.integers(1, 20))):
            data[place] = rng.integers(256)
    elif kind == 2:  # in the head, where sizes and kinds are
        for place in rng.integers(0, min(64, len(data)), 3):
            data[place] ^= 1 << rng.integers(8)
    elif kind == 3:
        del data[place : place + int(rng.integers(1, 50))]
    elif kind == 4:
        data[place:place] = rng.bytes(int(rng.integers(1, 50)))
    elif kind == 5 and rng.random() < 0.3:
        return bomb(int(rng.choice([9_500, 60_000])))
    return bytes(data)


@pytest.fixture(scope="module")
def files():
    rng = np.random.default_rng(20261127)
    names = ("png", "jpg", "gif", "webp", "bmp", "tif")  # most are wrong
    return {f"{k}.{names[rng.integers(6)]}": mutated(made(rng), rng) for k in range(MUTATIONS)}


@pytest.mark.filterwarnings("ignore")  # Pillow warns of some damage that it reads over
def test_every_image_is_read_or_refused_and_all_are_counted(tmp_path, files):
    labels = ("red apple", "blue apple", "red dog", "blue dog")
    for k, (name, content) in enumerate(files.items()):
        path = tmp_path / "photos" / labels[k % 4] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    read = read_photos(tmp_path / "photos", say=lambda text: None)
    assert len(read.table) == len(read.kept) + len(read.dropped) == MUTATIONS
    assert (read.dropped["reason"].str.len() > 0).all()
    assert not read.dropped["reason"].str.contains("\n").any()
    assert 40 < len(read.kept) < 180  # the draw has both kinds
    kinds = set(read.dropped["reason"].str.split(":").str[0])
    assert {"damaged", "not an image", "too large", "too thin", "unknown range"} <= kinds
    for file in read.kept["file"]:
        image = load_image(tmp_path / "photos", file)
        assert image.mode == "RGB"
        assert size_of(tmp_path / "photos" / file) == image.size
        short, long = sorted(image.size)
        assert short * long <= LARGEST
        assert long <= THINNEST * short
    for file in read.dropped.loc[~read.dropped["reason"].str.startswith("copy"), "file"]:
        with pytest.raises(CoodError, match="cannot be read"):
            load_image(tmp_path / "photos", file)
    # A study counts as the command does.
    rows = read.table[["file"]].assign(composition=0, image=[f"{k}.x" for k in range(MUTATIONS)])
    checked = _transfer_part(tmp_path / "photos", tmp_path / "set", rows)
    same = pd.DataFrame({"a": checked["status"], "b": read.table["status"]})
    same = same[~same["a"].str.startswith("copy") & ~same["b"].str.startswith("copy")]
    assert (same["a"] == same["b"]).all()
    assert len(list((tmp_path / "set").iterdir())) == (checked["status"] == "kept").sum()
