import io
import struct
import warnings

import numpy as np
import pytest
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from cood.synthesis.decoding import (
    FIRST,
    INKS,
    ON_WHITE,
    REDUCED,
    THINNEST,
    TURNED,
    UnusableImage,
    decode,
    fault_and_changes,
    size_of,
    xmp_of,
)
from tests.how_to_pages import ROOT
from tests.synthesis.made_images import GREY, RAMP, WHOLE, bomb, png, raw_png, turned

GREEN, RED, BLACK, WHITE = (0, 255, 0), (255, 0, 0), (0, 0, 0), (255, 255, 255)
COLOURS = np.random.default_rng(1).integers(0, 256, (10, 20, 3), dtype=np.uint8)
LOSSLESS = {"png": {}, "tiff": {}, "webp": {"lossless": True}}


def read(content):
    return np.asarray(decode(io.BytesIO(content)).image)


def notes(content):
    return decode(io.BytesIO(content)).notes


@pytest.mark.parametrize("kind", LOSSLESS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_is_turned_as_its_exif_orientation_says(tmp_path, kind, orientation):
    path = tmp_path / "x"
    path.write_bytes(turned(COLOURS, orientation, format=kind, **LOSSLESS[kind]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    plain = Image.fromarray(COLOURS)
    plain.info["exif"] = exif.tobytes()
    expected = np.asarray(ImageOps.exif_transpose(plain))
    found = decode(path)
    np.testing.assert_array_equal(np.asarray(found.image), expected)
    assert found.notes == ((TURNED,) if orientation > 1 else ())
    again = ImageOps.exif_transpose(found.image)  # as transformers does
    np.testing.assert_array_equal(np.asarray(again), expected)
    assert size_of(path) == expected.shape[1::-1]


def test_a_photo_of_a_phone_held_upright_is_upright():
    content = turned(COLOURS, 6, format="jpeg")
    assert decode(io.BytesIO(content)).image.size == (10, 20)


@pytest.mark.parametrize("value", [0, 9, 255])
def test_an_orientation_that_does_not_exist_turns_nothing(value):
    np.testing.assert_array_equal(read(turned(COLOURS, value)), COLOURS)


@pytest.mark.parametrize("kind", LOSSLESS)
def test_an_orientation_of_xmp_data_turns_nothing(tmp_path, kind):
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    path = tmp_path / "x"
    if kind == "png":
        text = PngInfo()
        text.add_itxt("XML:com.adobe.xmp", xmp.decode())
        path.write_bytes(png(COLOURS, pnginfo=text))
    elif kind == "tiff":
        path.write_bytes(png(COLOURS, format=kind, tiffinfo={700: xmp}))
    else:
        path.write_bytes(png(COLOURS, format=kind, xmp=xmp, **LOSSLESS[kind]))
    with Image.open(path) as picture:  # Pillow's own reading
        assert picture.getexif().get(0x0112) == 6
    np.testing.assert_array_equal(np.asarray(decode(path).image), COLOURS)
    assert size_of(path) == (20, 10)


def test_broken_exif_data_turn_nothing(tmp_path):
    path = tmp_path / "x.jpg"
    path.write_bytes(png(COLOURS, format="jpeg", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"))
    assert fault_and_changes(path) == (None, ())


def transparent(mode):
    """Two pixels: a hidden green one and an opaque red one (black where there is only grey)."""
    if mode == "RGBA":
        return png(np.array([[(*GREEN, 0), (*RED, 255)]], np.uint8))
    if mode == "LA":
        return png(
            Image.merge(
                "LA",
                [
                    Image.fromarray(np.array([[c]], np.uint8).reshape(1, 2))
                    for c in ((90, 0), (0, 255))
                ],
            )
        )
    if mode in ("P, one index", "P, alphas"):
        picture = Image.new("P", (2, 1))
        picture.putpalette([*GREEN, *RED])
        picture.putpixel((1, 0), 1)
        return png(picture, transparency=0 if mode == "P, one index" else bytes([0, 255]))
    depths = {
        "1": (1, 0, b"\x80", (1,)),
        "L;2": (2, 0, b"\x40", (1,)),
        "L;4": (4, 0, b"\x50", (5,)),
        "L": (8, 0, b"\x5a\0", (90,)),
        "I;16": (16, 0, b"\x5a\x01\0\0", (0x5A01,)),
        "RGB": (8, 2, bytes([*GREEN, *RED]), GREEN),
        "RGB;16": (16, 2, bytes([0, 0, 255, 255, 0, 0, 255, 255, 0, 0, 0, 0]), (0, 0xFFFF, 0)),
    }
    depth, colour, row, key = depths[mode]
    return raw_png((2, 1), depth, colour, [row], key)


@pytest.mark.parametrize(
    "mode",
    ["RGBA", "LA", "P, one index", "P, alphas", "1", "L;2", "L;4", "L", "I;16", "RGB", "RGB;16"],
)
def test_what_is_transparent_is_white_in_every_mode(mode):
    opaque = RED if mode in ("RGBA", "P, one index", "P, alphas", "RGB", "RGB;16") else BLACK
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(read(transparent(mode)), [[WHITE, opaque]])
    assert ON_WHITE in notes(transparent(mode))


@pytest.mark.parametrize("kind", ["gif", "webp", "tiff"])
def test_the_background_is_the_same_in_other_formats(kind):
    picture = Image.fromarray(np.array([[(*GREEN, 0), (*RED, 255)]], np.uint8))
    options = {"lossless": True, "exact": True} if kind == "webp" else {}
    np.testing.assert_array_equal(read(png(picture, format=kind, **options)), [[WHITE, RED]])


def test_half_transparent_colours_are_mixed_with_white():
    every = np.stack([*np.meshgrid(RAMP.ravel(), RAMP.ravel(), indexing="ij")], axis=-1)
    found = read(png(np.ascontiguousarray(every[..., [0, 0, 0, 1]])))[..., 0]
    colour, alpha = every[..., 0].astype(float), every[..., 1].astype(float) / 255
    assert np.abs(found - (colour * alpha + 255 * (1 - alpha))).max() < 1
    np.testing.assert_array_equal(found[:, 255], RAMP.ravel())


def test_an_alpha_channel_that_hides_nothing_changes_nothing():
    opaque = np.dstack([COLOURS, np.full(COLOURS.shape[:2], 255, np.uint8)])
    np.testing.assert_array_equal(read(png(opaque)), COLOURS)
    assert notes(png(opaque)) == ()


@pytest.mark.parametrize("kind", ["png", "tiff", "bmp", "webp"])
def test_plain_images_keep_every_bit(kind):
    options = LOSSLESS.get(kind, {})
    np.testing.assert_array_equal(read(png(COLOURS, format=kind, **options)), COLOURS)
    content = png(COLOURS, format="jpeg")
    with Image.open(io.BytesIO(content)) as picture:
        np.testing.assert_array_equal(read(content), np.asarray(picture.convert("RGB")))


def test_sixteen_bits_are_scaled_not_clipped():
    deep = RAMP.astype(np.uint16) * 257
    for content in (png(deep), png(deep, format="tiff")):
        np.testing.assert_array_equal(read(content), GREY)
    assert notes(png(deep)) == (REDUCED,)
    inverted = png(0xFFFF - deep, format="tiff", tiffinfo={262: 0})
    np.testing.assert_array_equal(read(inverted), GREY)


@pytest.mark.parametrize("values", [[-1, 0], [0, 2**16], [0, 255], [0, 2**16 - 1]])
def test_numbers_of_unknown_range_are_refused(values):
    content = png(np.array([values], np.int32), format="tiff")
    with pytest.raises(UnusableImage, match="unknown range: its pixels are not numbers of 8 or"):
        decode(io.BytesIO(content))


def test_one_bit_is_black_or_white():
    bits = RAMP > 100
    np.testing.assert_array_equal(read(png(Image.fromarray(bits)))[..., 0], bits * 255)


def test_palettes_give_their_colours():
    picture = Image.fromarray(GREY).quantize(256)
    np.testing.assert_array_equal(read(png(picture)), GREY)


def test_cmyk_is_converted():
    inks = np.zeros((4, 4, 4), np.uint8)
    inks[..., 1:3] = 255  # magenta and yellow make red
    content = png(Image.fromarray(inks, mode="CMYK"), format="tiff")
    np.testing.assert_array_equal(read(content), np.full((4, 4, 3), RED))
    content = png(Image.fromarray(inks, mode="CMYK"), format="jpeg", quality=100)
    assert np.abs(read(content).astype(int) - RED).max() <= 3
    assert notes(content) == (INKS,)


@pytest.mark.parametrize("kind", ["gif", "png", "webp", "tiff", "mpo"])
def test_of_an_animation_the_first_frame_is_taken(tmp_path, kind):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "green")]
    options = {"save_all": True, "append_images": frames[1:], **LOSSLESS.get(kind, {})}
    path = tmp_path / "x"
    path.write_bytes(png(frames[0], format=kind, **options))
    assert np.abs(read(path.read_bytes()).astype(int) - RED).max() <= (1 if kind == "mpo" else 0)
    assert fault_and_changes(path) == (None, (FIRST,))


@pytest.mark.parametrize("size", [(1, 4000), (4000, 1), (3, 301)])
def test_thin_images_are_refused(size):
    with pytest.raises(UnusableImage, match=rf"too thin: {size[0]} x {size[1]} pixels, more than"):
        decode(io.BytesIO(png(Image.new("RGB", size))))


def test_images_that_are_just_not_too_thin_are_read():
    for size in ((1, THINNEST), (3 * THINNEST, 3), (1, 1)):
        assert decode(io.BytesIO(png(Image.new("RGB", size)))).image.size == size


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (WHOLE, None),
        (png(GREY, format="jpeg"), None),
        (b"", "empty file"),
        (b"this is text, called an image", "not an image"),
        (b"<svg onload=alert(1)>", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
        (WHOLE[:700], "damaged: "),
        (WHOLE[:60], "damaged: "),
        (WHOLE[:20], "damaged: "),
        (WHOLE[:500] + b"\x00" * 200 + WHOLE[700:], "damaged: "),
        (png(GREY, format="jpeg")[:300], "damaged: "),
        (bomb(20_000), "too large: more than 89,478,485 pixels"),
        (bomb(10_000), "too large: more than 89,478,485 pixels"),
        (png(np.ones((4, 4), np.float32), format="tiff"), "unknown range: its pixels are float"),
    ],
)
def test_the_fault_of_a_file_is_named(tmp_path, content, reason):
    path = tmp_path / "x.png"  # a JPEG file of that name is read by its content
    path.write_bytes(content)
    found, _ = fault_and_changes(path)
    if reason is None:
        assert found is None
    else:
        assert found.startswith(reason)
        assert "\n" not in found


def test_what_has_no_size_has_none(tmp_path):
    (tmp_path / "x.png").write_bytes(WHOLE[:20])
    assert size_of(tmp_path / "x.png") is None
    assert size_of(tmp_path / "none.png") is None


def planar_tiff(depth):
    """A TIFF file of two pixels in planes of red, green and blue."""
    kind = np.uint8 if depth == 8 else np.uint16
    planes = [np.array([value, value], kind).tobytes() for value in (200, 100, 50)]
    tags = [
        *((256, 3, 1, 2), (257, 3, 1, 1), (258, 3, 3, 0), (259, 3, 1, 1), (262, 3, 1, 2)),
        *((273, 4, 3, 0), (277, 3, 1, 3), (278, 3, 1, 1), (279, 4, 3, 0), (284, 3, 1, 2)),
    ]
    after = 8 + 2 + 12 * len(tags) + 4
    places = {258: after, 273: after + 6, 279: after + 18}
    start = after + 30
    entries = [
        struct.pack("<HHII", tag, form, n, places.get(tag, value)) for tag, form, n, value in tags
    ]
    sizes = [len(plane) for plane in planes]
    return b"".join(
        [
            *(b"II*\0", struct.pack("<I", 8), struct.pack("<H", len(tags)), *entries),
            *(bytes(4), struct.pack("<3H", *[depth] * 3)),
            struct.pack("<3I", *(start + sum(sizes[:k]) for k in range(3))),
            *(struct.pack("<3I", *sizes), *planes),
        ]
    )


def test_planes_of_more_bits_than_pillow_reads_are_refused():
    np.testing.assert_array_equal(read(planar_tiff(8)), [[(200, 100, 50)] * 2])
    with pytest.raises(UnusableImage, match="unknown range: planes of more than 8 bits"):
        read(planar_tiff(16))


@pytest.mark.parametrize("kind", ["webp", "jpeg"])
def test_xmp_data_of_a_file(tmp_path, kind):
    (tmp_path / "x").write_bytes(png(GREY, format=kind, xmp=b"<x/>"))
    assert xmp_of(tmp_path / "x") == b"<x/>"
    (tmp_path / "x").write_bytes(png(GREY, format=kind))
    assert xmp_of(tmp_path / "x") is None


def test_image_files_are_opened_in_one_place_only():
    opens = {
        file.name for file in (ROOT / "cood").rglob("*.py") if "Image.open(" in file.read_text()
    }
    assert opens == {"decoding.py"}
