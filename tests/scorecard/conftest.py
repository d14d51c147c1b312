"""A made-up CLIP that reads colour and place exactly, and photos with a known number of traps.

An image is a patch: its colour is the attribute, and the half that it lies in is the object. So
the model is right wherever a file shows what its folder says.
"""

import numpy as np
import pytest
import torch
from PIL import Image

SIDE = 8
COLOURS = {"red": 0, "rotten": 2}  # channel of the patch
PLACES = {"apple": slice(0, 4), "polar bear": slice(4, 8)}  # rows of the patch
WORDS = ("red", "rotten", "apple", "polar")


class Exact(torch.nn.Module):
    """Embeddings are four features: two colours and two places, or the words that name them."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.images = 0

    def encode_image(self, pixels):
        self.images += len(pixels)
        bright = (pixels > 0.5).float()
        colour = bright.amax(dim=(2, 3))[:, [0, 2]]
        place = bright.amax(dim=(1, 3)).reshape(-1, 2, SIDE // 2).amax(dim=2)
        return torch.cat([colour, place], dim=1) * self.weight

    def encode_text(self, tokens):
        return tokens.float() * self.weight


def preprocess(picture):
    array = np.array(picture.resize((SIDE, SIDE), Image.Resampling.NEAREST), np.float32) / 255
    return torch.from_numpy(array).permute(2, 0, 1)


def tokenize(texts):
    return torch.tensor([[word in text.split() for word in WORDS] for text in texts])


def draw(path, colour, place, shade):
    """A picture of a colour at a place; another shade makes another file."""
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    pixels[PLACES[place], :, COLOURS[colour]] = 255 - shade
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def exact():
    return Exact()


@pytest.fixture
def photos(tmp_path):
    """Five files of each of the four pairs; of `red polar bear`, two show rotten apples."""
    folder = tmp_path / "photos"
    for place, (colour, thing) in enumerate((c, t) for c in COLOURS for t in PLACES):
        for k in range(5):
            path = folder / f"{colour} {thing}" / f"{k}.png"
            trap = (colour, thing) == ("red", "polar bear") and k < 2
            shown = ("rotten", "apple") if trap else (colour, thing)
            draw(path, *shown, shade=10 * place + k)
    return folder


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """Folder of a small CLIP with random weights."""
    from cood.models.small_clip import save_clip, untrained_clip
    from cood.settings import Towers

    folder = tmp_path_factory.mktemp("models") / "mine"
    save_clip(untrained_clip(Towers(image_tower="resnet"), seed=0), folder)
    return folder


@pytest.fixture
def quick(monkeypatch):
    """Two metrics only, as others do not differ in how they are shown."""
    from cood.scorecard import scoring

    few = scoring.METRICS.model_copy(update={"metrics": ["dci", "mig"], "repeats": 1})
    monkeypatch.setattr(scoring.score_tensors, "__kwdefaults__", {"metrics": few})
