"""The small CLIPs that can be trained: their configurations in open_clip, read without torch."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cood.errors import StudyError, unknown
from cood.settings import Towers

EXAMPLE = Towers(image_tower="resnet")
CONFIGS = Path(__file__).parent / "configs"
# Initial scale and bias of the sigmoid loss, as in Zhai et al. 2023, arXiv:2303.15343, section 3.2.
SIGMOID = {"init_logit_scale": 2.3026, "init_logit_bias": -10.0}


def image_towers() -> dict[str, Path]:
    """`vision_cfg` of open_clip of each image tower, by name."""
    return _files("image_towers")


def text_towers() -> dict[str, Path]:
    """`text_cfg` of open_clip of each text tower, by name."""
    return _files("text_towers")


def _files(folder: str) -> dict[str, Path]:
    return {path.stem: path for path in sorted((CONFIGS / folder).glob("*.json"))}


def configuration(towers: Towers) -> dict[str, Any]:
    """Configuration of open_clip; an unknown tower raises a StudyError."""
    image, text = image_towers(), text_towers()
    for setting, files in (("image_tower", image), ("text_tower", text)):
        tower = getattr(towers, setting)
        if tower not in files:
            raise StudyError(f"{setting}: {unknown('tower', tower, files)}")
    return {
        "embed_dim": towers.embed_dim,
        **(SIGMOID if towers.loss == "sigmoid" else {}),
        "vision_cfg": json.loads(image[towers.image_tower].read_text()),
        "text_cfg": json.loads(text[towers.text_tower].read_text()),
    }


def towers_of(architecture: str) -> Towers | None:
    """The towers of a small CLIP that is named as a whole; None if it is none of them.

    Examples
    --------
    >>> towers_of("resnet-causal-64-softmax").image_tower
    'resnet'
    >>> towers_of("ViT-B-32") is None
    True
    """
    for image, text in product(image_towers(), text_towers()):
        width, _, loss = architecture.removeprefix(f"{image}-{text}-").partition("-")
        if not width.isdecimal():
            continue
        named = {"image_tower": image, "text_tower": text, "embed_dim": int(width), "loss": loss}
        try:
            towers = Towers.model_validate(named)
        except ValidationError:
            continue  # no such loss, or no width
        if towers.architecture == architecture:
            return towers
    return None


def architecture_form() -> str:
    """How the architecture of a small CLIP is written, with an example."""
    return f"IMAGE-TEXT-WIDTH-LOSS of its towers, as {EXAMPLE.architecture}"


def check_towers(place: str, towers: Towers) -> None:
    """Check before long work begins that a small CLIP can be made.

    Parameters
    ----------
    place
        Of the towers in the study file.
    towers
        As the settings of a model, or of a null model, give them.

    Raises
    ------
    StudyError
        If there is no such tower.
    """
    try:
        configuration(towers)
    except StudyError as error:
        raise StudyError(f"{place}.{error}") from error


def check_image_encoder(encoder: str, image_tower: str) -> None:
    """Check before long work begins that timm can make an image tower by itself."""
    files = image_towers()
    if image_tower not in files:
        raise StudyError(f"image_encoders.{encoder}: {unknown('tower', image_tower, files)}")
    if "timm_model_name" not in json.loads(files[image_tower].read_text()):
        usable = [name for name, file in files.items() if "timm" in file.read_text()]
        raise StudyError(
            f"image_encoders.{encoder}: the image tower {image_tower!r} is not one of timm; use "
            f"{', '.join(usable)}"
        )
