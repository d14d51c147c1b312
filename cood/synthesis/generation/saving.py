"""Saving generated images as lossless WebP files.

They hold the same pixels as PNG files in three quarters of the space, and are faster to write.
"""

from __future__ import annotations

import struct
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image

from cood.files import atomic
from cood.synthesis.decoding import xmp_of

SUFFIX = ".webp"
HEAD = struct.Struct("<4sI4s")  # RIFF, bytes that follow these eight, WEBP
# How XMP says what a file shows.
PACKET = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt>'
    '<rdf:li xml:lang="x-default">{}</rdf:li>'
    "</rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>"
)


def save_image(pixels: np.ndarray, path: Path, mark: str) -> None:
    """Write pixels [height, width, 3] of type uint8 as a WebP file that holds a mark.

    The mark says what the image was made of: recipe, seed and prompt.
    """
    # The least effort: the next one would save 6 % of the space and take four times as long.
    with atomic(path) as temporary:
        Image.fromarray(pixels).save(
            temporary, format="webp", lossless=True, quality=0, method=0, xmp=_packet(mark)
        )


def finished(path: Path, mark: str) -> bool:
    """Whether there is a complete WebP file with this mark."""
    try:
        with path.open("rb") as file:
            kind, size, form = HEAD.unpack(file.read(HEAD.size).ljust(HEAD.size))
        whole = (kind, form) == (b"RIFF", b"WEBP") and path.stat().st_size == size + 8
        return whole and xmp_of(path) == _packet(mark)
    except OSError:
        return False


def _packet(mark: str) -> bytes:
    return PACKET.format(escape(mark)).encode()
