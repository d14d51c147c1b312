import pandas as pd
import pytest

from cood.report.model_settings import SETTINGS, model_lines, setting_text, varying_settings
from cood.settings import Training

MODELS = pd.DataFrame(
    {
        "model": ["m001", "m002", "m002-replicate", "RN50_openai"],
        "family": ["draw 1", "draw 2", "draw 3", "openai"],
        "architecture": ["resnet-causal-64-softmax"] * 3 + ["RN50"],
        "share": [0.15, 0.4, 0.4, None],
        "images": [6400.0, 1600.0, 1600.0, None],
        "steps": [700.0, 700.0, 700.0, None],
        "treatment": ["none", "additivity_placebo", "additivity_placebo", None],
        "strength": [0.0, 0.3, 0.3, None],
        "seed": [1.0, 2.0, 3.0, None],
    }
)


def test_every_setting_of_training_has_words():
    assert set(SETTINGS) == set(Training.model_fields) - {"moments"}
    values = Training(image_tower="vit", share=0.5, images=640, steps=10).model_dump()
    for name in SETTINGS:
        assert setting_text(name, values[name])


def test_only_settings_in_which_trained_models_differ_are_told():
    assert varying_settings(MODELS) == ["share", "images", "treatment", "strength", "seed"]
    assert varying_settings(MODELS[["model", "family"]]) == []
    assert varying_settings(MODELS[3:]) == []


@pytest.mark.parametrize(
    ("model", "lines"),
    [
        (
            "m001",
            [
                "sees 15% of the compositions outside the core, 6,400 images, no treatment",
                "seed 1",
            ],
        ),
        (
            "m002-replicate",
            [
                "sees 40% of the compositions outside the core, 1,600 images, additivity placebo",
                "strength 0.3, seed 3",
            ],
        ),
        ("RN50_openai", ["openai, RN50"]),
    ],
)
def test_lines_of_a_label(model, lines):
    assert model_lines(MODELS)[model] == lines


def test_models_that_do_not_differ_are_told_by_family_and_architecture():
    assert model_lines(MODELS[:1]) == {"m001": ["draw 1, resnet-causal-64-softmax"]}
    bare = pd.DataFrame({"model": ["a"], "family": ["one"]})
    assert model_lines(bare) == {"a": ["one"]}
