"""Saving generated images as PNG files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from cood.files import atomic
from cood.synthesis.decoding import text_of

MARK = "cood"  # text in a PNG file: recipe, seed and prompt
END = b"IEND\xaeB`\x82"  # the end of a complete PNG file


def save_image(pixels: np.ndarray, path: Path, mark: str) -> None:
    """Write pixels [height, width, 3] of type uint8 as a PNG file that holds a mark."""
    about = PngInfo()
    about.add_itxt(MARK, mark)
    with atomic(path) as temporary:
        Image.fromarray(pixels).save(temporary, format="png", pnginfo=about, compress_level=1)


def finished(path: Path, mark: str) -> bool:
    """Whether there is a complete PNG file with this mark."""
    try:
        with path.open("rb") as file:
            file.seek(-len(END), 2)
            whole = file.read() == END
        return whole and text_of(path, MARK) == mark
    except OSError:
        return False
