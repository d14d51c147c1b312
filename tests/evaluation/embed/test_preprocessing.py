import numpy as np
import pytest
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from timm.data.transforms_factory import create_transform
from torchvision.transforms import CenterCrop, Compose, Normalize, Resize, ToTensor

from cood.catalogue.preprocessing import Preprocessing
from cood.evaluation.embed.preprocessing import of_settings, split

SIZES = [(64, 64), (61, 90), (120, 47), (20, 31), (224, 225)]
MADE = {
    f"{mode} {interpolation}": image_transform_v2(
        PreprocessCfg(size=48, resize_mode=mode, interpolation=interpolation, fill_color=7),
        is_train=False,
    )
    for mode in ("shortest", "longest", "squash")
    for interpolation in ("bicubic", "bilinear")
}
MADE |= {
    f"timm {mode}": create_transform((3, 40, 40), interpolation="bicubic", crop_mode=mode)
    for mode in ("center", "squash", "border")
}


def picture(size):
    width, height = size
    pixels = np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("preprocess", MADE.values(), ids=MADE)
def test_the_halves_together_are_the_whole_bit_for_bit(preprocess):
    parts = split(preprocess)
    pictures = [picture(size) for size in SIZES]
    pixels = np.stack([parts.pixels(image) for image in pictures])
    assert pixels.dtype == np.uint8
    assert pixels.shape[1:3] == parts.shape
    found = parts.normalise(torch.from_numpy(pixels))
    expected = torch.stack([preprocess(image) for image in pictures])
    assert found.is_contiguous()
    assert torch.equal(found, expected)


def test_the_same_description_is_the_same_pixels():
    of_open_clip = split(image_transform_v2(PreprocessCfg(size=40), is_train=False))
    of_timm = split(create_transform((3, 40, 40), interpolation="bicubic", crop_pct=1.0))
    assert of_open_clip.description == of_timm.description
    assert of_open_clip.mean != of_timm.mean
    for size in SIZES:
        image = picture(size)
        np.testing.assert_array_equal(of_open_clip.pixels(image), of_timm.pixels(image))
    others = [split(made).description for made in MADE.values()]
    assert len(set(others)) == len(others)


def test_settings_alone_make_the_pixels_of_a_model():
    settings = Preprocessing(48, "bilinear", "squash")
    # `longest` fills with black here, and with 7 above.
    assert of_settings(settings).description == split(MADE["squash bilinear"]).description
    assert settings.name == "48-bilinear-squash"


@pytest.mark.parametrize(
    "preprocess",
    [
        lambda image: torch.zeros(3, 4, 4),
        Compose([Resize((4, 4)), ToTensor()]),
        Compose([Normalize(0.5, 0.5)]),
        Compose([Resize(4), ToTensor(), Normalize([0.5] * 3, [0.5] * 3)]),  # of no fixed size
        Compose([ToTensor(), CenterCrop(4), Normalize([0.5] * 3, [0.5] * 3)]),
    ],
)
def test_what_cannot_be_split_is_left_whole(preprocess):
    assert split(preprocess) is None
