"""Small image files, made in memory."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)
GREY = np.repeat(RAMP[..., None], 3, axis=2)


def png(array_or_picture, **options):
    """The file of an array or picture; PNG, or in another `format`."""
    buffer = io.BytesIO()
    picture = array_or_picture
    if not isinstance(picture, Image.Image):
        picture = Image.fromarray(picture)
    picture.save(buffer, **{"format": "png", **options})
    return buffer.getvalue()


WHOLE = png(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8))


def raw_png(size, depth, colour, rows, transparent=None):
    """A PNG file of any depth and type of colour, of packed rows without their filter bytes."""

    def chunk(kind, data):
        whole = kind + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    parts = [chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0))]
    if transparent is not None:
        parts.append(chunk(b"tRNS", struct.pack(f">{len(transparent)}H", *transparent)))
    parts.append(chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))))
    return b"\x89PNG\r\n\x1a\n" + b"".join([*parts, chunk(b"IEND", b"")])


def bomb(side):
    """A PNG file that claims to have `side` x `side` pixels."""
    return raw_png((side, side), 8, 0, [bytes(1000)])


def turned(pixels, orientation, **options):
    """A file of pixels with an EXIF orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return png(pixels, exif=exif, **options)
