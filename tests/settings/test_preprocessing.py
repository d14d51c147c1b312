import json
import os

import pytest

from cood.catalogue.preprocessing import Preprocessing
from cood.catalogue.sources import local_source
from cood.settings.preprocessing import (
    COMPLETE,
    embeddings_of,
    models_by_preprocessing,
    preprocessed_sets,
    preprocessing_of,
    times_made,
)

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
    assert preprocessed_sets(study, SMALL.name) == ["ao"]


def test_sets_of_factors_belong_to_the_preprocessing_of_those_that_embed_them(factored):
    # The checkpoints are copies of models that are trained here.
    assert list(models_by_preprocessing(factored)) == [SMALL]
    assert preprocessed_sets(factored, SMALL.name) == ["ao", "shapes", "sprites"]


@pytest.fixture
def record(tiny):
    """The record of pixels that were made once, and their folder."""
    file, folder = tiny.paths.pixels_record(SMALL.name), tiny.paths.pixels(SMALL.name)
    folder.mkdir(parents=True)
    file.write_text(json.dumps({"made": 1}))
    return file, folder


def embed(study):
    files = embeddings_of(study, SMALL.name)
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return files


def test_pixels_are_made_again_when_they_are_gone_and_models_lack_their_embeddings(tiny, record):
    file, folder = record
    assert times_made(tiny, SMALL.name) == 2
    (folder / COMPLETE).touch()
    assert times_made(tiny, SMALL.name) == 1  # they are there
    (folder / COMPLETE).unlink()
    files = embed(tiny)
    assert len(files) == 2
    assert times_made(tiny, SMALL.name) == 1  # they are not needed
    files[1].unlink()
    assert times_made(tiny, SMALL.name) == 2
    file.unlink()
    assert times_made(tiny, SMALL.name) == 1


def test_a_few_models_decode_by_themselves(parse, record):
    study = parse(models={f"m{k}": {"share": 0.6, "seed": k} for k in range(8)})
    files = embed(study)
    for k, made in enumerate([1, 1, 1, 2]):
        assert times_made(study, SMALL.name) == made
        files[k].unlink()


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
