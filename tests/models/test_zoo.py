import itertools
import json

import pytest

from cood.errors import StudyError
from cood.models.zoo import check_towers, configuration, image_towers, text_towers
from cood.settings import Towers


def test_towers_are_files_with_the_keys_of_open_clip():
    assert set(image_towers()) == {"resnet", "byobnet", "vit"}
    assert set(text_towers()) == {"causal", "bidirectional"}
    for file in (*image_towers().values(), *text_towers().values()):
        assert isinstance(json.loads(file.read_text()), dict)


def test_a_configuration_is_put_together_from_its_towers():
    towers = Towers(image_tower="vit", text_tower="bidirectional", embed_dim=48)
    assert configuration(towers) == {
        "embed_dim": 48,
        "vision_cfg": json.loads(image_towers()["vit"].read_text()),
        "text_cfg": json.loads(text_towers()["bidirectional"].read_text()),
    }


def test_the_sigmoid_loss_starts_as_in_siglip():
    plain = configuration(Towers(image_tower="resnet"))
    sigmoid = configuration(Towers(image_tower="resnet", loss="sigmoid"))
    # Section 3.2 of arXiv:2303.15343: t' = log 10 and b = -10.
    assert sigmoid == {**plain, "init_logit_scale": 2.3026, "init_logit_bias": -10.0}


def test_names_tell_small_clips_apart():
    assert Towers(image_tower="resnet").architecture == "resnet-causal-64-softmax"
    parts = itertools.product(image_towers(), text_towers(), (32, 64), ("softmax", "sigmoid"))
    keys = ("image_tower", "text_tower", "embed_dim", "loss")
    names = [Towers(**dict(zip(keys, values, strict=True))).architecture for values in parts]
    assert len(names) == len(set(names)) == 24


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"image_tower": "resnt"}, "unknown tower 'resnt'; did you mean resnet?"),
        ({"text_tower": "cuasal"}, "unknown tower 'cuasal'; did you mean causal?"),
        ({"text_tower": "vit"}, "unknown tower 'vit'; known: bidirectional, causal"),
    ],
)
def test_an_unknown_tower_is_named_with_its_place(wrong, message):
    towers = Towers(**{"image_tower": "resnet", **wrong})
    with pytest.raises(StudyError) as caught:
        check_towers("models.m", towers)
    assert str(caught.value) == f"models.m.{next(iter(wrong))}: {message}"
