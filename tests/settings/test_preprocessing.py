import json
import os

import pytest

from cood.catalogue.preprocessing import Preprocessing
from cood.catalogue.sources import local_source
from cood.settings.preprocessing import models_by_preprocessing, preprocessing_of

SMALL, USUAL = Preprocessing(32), Preprocessing(224)


def test_every_kind_of_model(project, parse):
    folder = project / "models" / "mine"
    folder.mkdir(parents=True)
    config = {"model_cfg": {"vision_cfg": {"image_size": 96}}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    study = parse(
        models={
            "few": {"share": 0.6},
            "listed": {"checkpoint": "ViT-B-32/laion2b_s34b_b79k"},
            "hub": {"checkpoint": "hf-hub:timm/ViT-B-16-SigLIP"},
            "elsewhere": {"checkpoint": "hf-hub:org/repo@v1"},
            "mine": {"checkpoint": local_source("models/mine"), "family": "mine"},
            "later": {"checkpoint": local_source("models/later"), "family": "mine"},
            "file": {"checkpoint": "file:a.pt", "architecture": "ViT-B-16-SigLIP-384/webli"},
        },
        null_models={"small": {"image_tower": "vit"}, "large": {"architecture": "ViT-L-14-336"}},
        image_encoders={
            "run": {
                "objective": "labels",
                "image_tower": "resnet",
                "share": 0.7,
                "images": 64,
                "steps": 8,
                "batch": 8,
            },
            "untrained": {"untrained": "resnet"},
            "published": {"encoder": "resnet50.a1_in1k"},
        },
    )
    assert {model: preprocessing_of(study, model) for model in study.all_models} == {
        "few": SMALL,
        "listed": USUAL,
        "hub": Preprocessing(224, resize_mode="squash"),
        "elsewhere": None,
        "mine": Preprocessing(96),
        "later": None,
        "file": Preprocessing(384, resize_mode="squash"),
        "small": SMALL,
        "large": Preprocessing(336),
        **dict.fromkeys(["run-eighth", "run-quarter", "run-half", "run-whole"], SMALL),
        "untrained": SMALL,
        "published": None,
    }
    models = models_by_preprocessing(study)
    assert models[SMALL] == [
        "few",
        "small",
        *(f"run-{d}" for d in ("eighth", "quarter", "half", "whole")),
        "untrained",
    ]
    assert models[USUAL] == ["listed"]


def test_models_of_factor_sets_decode_by_themselves(factored):
    assert preprocessing_of(factored, "on-shapes") is None
    # `published` is the folder of a model that is trained here; that of `published-too` is empty.
    assert preprocessing_of(factored, "published-too") is None
    assert models_by_preprocessing(factored) == {SMALL: ["few", "most", "published"]}


@pytest.fixture
def record(tiny):
    """The record of pixels that were made, and their folder."""
    file, folder = tiny.paths.pixels_record(SMALL.name), tiny.paths.pixels(SMALL.name)
    folder.mkdir(parents=True)
    file.write_text("{}")
    return file, folder


def embed(study):
    files = [study.paths.embeddings(model, set_) for model in study.models for set_ in study.sets]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return files


def test_pixels_are_removed_by_the_last_model_that_needs_them(tiny, record):
    from cood.evaluation.embed.pixels import remove_used

    file, folder = record
    files = embed(tiny)
    made = file.stat().st_mtime
    os.utime(files[0], (made - 9, made - 9))  # embedded before they were made
    remove_used(tiny, SMALL.name)
    assert folder.is_dir()
    for path in files:
        os.utime(path, (made + 9, made + 9))
    remove_used(tiny, SMALL.name)
    assert not folder.exists()
    assert file.is_file()
    file.unlink()
    remove_used(tiny, SMALL.name)
