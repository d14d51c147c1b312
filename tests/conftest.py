"""A tiny study in a project folder of its own, which `cood` finds by the current folder."""

import copy
import os
import shutil
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import pytest
import yaml

from cood.settings.study_file import load_study, parse_study

hypothesis.settings.register_profile("cood", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("cood")

# Needs a browser: `nox -s browser` names it.
collect_ignore = ["curation/verification/browser_sheet.py", "report/browser_pages.py"]

REPOSITORY = Path(__file__).parents[1]

SETTINGS = {
    "seed": 7,
    "vocabulary": {
        "attributes": ["red", "blue", "striped", "brick"],
        "objects": ["apple", "hat", "dog", "bus", "umbrella"],
    },
    "core": 0.2,
    "sets": {
        "ao": {"source": "icons", "images_per_composition": 2, "size": 32, "isolated_images": 3}
    },
    "defaults": {"image_tower": "resnet", "images": 64, "steps": 8, "batch": 8, "moments": 3},
    "models": {"few": {"share": 0.6}, "most": {"share": 0.9, "seed": 1}},
    "evaluation": {"templates": ["a photo of a {}", "a {}"], "resamples": 100},
    "representation_metrics": {
        "metrics": ["mig", "explicitness"],
        "splits": ["all", "unseen"],
        "repeats": 1,
        "folds": 2,
        "dimensions": 8,
    },
    "notebooks": {},
}

# Sections for those that are about factor sets. Checkpoints are tested on them too; here they are
# copies of a model that is trained.
FACTORS = {
    "models": {
        **SETTINGS["models"],
        "published": {"checkpoint": "local-dir:results/tiny/models/few", "family": "1"},
        "published-too": {"checkpoint": "local-dir:results/tiny/models/most", "family": "2"},
    },
    "representation_metrics": {"metrics": ["explicitness", "dci"]},
    "factor_sets": {
        "shapes": {"source": "shapes3d", "images": 60, "size": 32},
        "sprites": {"source": "dsprites", "images": 50, "size": 32},
    },
    "factor_models": {
        "on-shapes": {
            "set": "shapes",
            "image_tower": "resnet",
            "share": 0.5,
            "images": 32,
            "steps": 5,
            "batch": 8,
        },
        "on-shapes-more": {
            "set": "shapes",
            "image_tower": "resnet",
            "share": 0.8,
            "images": 40,
            "steps": 5,
            "batch": 8,
        },
    },
}


WHOLE_RUNS = {"test_reproduce.py", "test_checkpoints_only.py"}


def pytest_collection_modifyitems(items):
    """Whole runs first: beside them another process gets through everything else."""
    items.sort(key=lambda item: item.path.name not in WHOLE_RUNS)


def make_project(root):
    """Copy what makes a folder a project of `cood`, with the study `tiny`."""
    (root / "workflow" / "studies").mkdir(parents=True)
    shutil.copy(REPOSITORY / "workflow" / "Snakefile", root / "workflow")
    (root / "workflow" / "studies" / "tiny.yaml").write_text(yaml.safe_dump(SETTINGS))
    (root / "notebooks").mkdir()
    return root


@pytest.fixture
def settings():
    """Settings of the tiny study, to change at will."""
    return copy.deepcopy(SETTINGS)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The current folder: a project with the study `tiny`."""
    root = make_project(tmp_path / "project")
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def parse(settings):
    """Make a study from the tiny settings with some of them replaced."""

    def make(**changes):
        return parse_study({"name": "tiny", **settings, **changes}, "tiny.yaml")

    return make


@pytest.fixture
def tiny(project):
    """The tiny study, read from its file; nothing is made yet."""
    return load_study("tiny")


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """A project whose set is drawn, whose model `few` is trained and embedded: to read only."""
    from cood.evaluation.embed.embed import embed_model
    from cood.models.training.clip import train_model
    from cood.synthesis.drawing.icon_sets import draw_icon_set

    root = make_project(tmp_path_factory.mktemp("built"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        study = load_study("tiny")
        draw_icon_set(study, "ao")
        train_model(study, "few", lambda text: None)
        embed_model(study, "few", lambda text: None)
    return root


@pytest.fixture
def done(built, monkeypatch):
    """The tiny study in the project `built`: to read only."""
    monkeypatch.chdir(built)
    return load_study("tiny")


@pytest.fixture
def copied(built, tmp_path, monkeypatch):
    """The tiny study in a copy of the project `built`: to be damaged."""
    root = tmp_path / "project"
    shutil.copytree(built, root)
    monkeypatch.chdir(root)
    return load_study("tiny")


@pytest.fixture(scope="session")
def drawn_factors(built, tmp_path_factory):
    """A copy of `built` with factor sets drawn, trained on, embedded and scored: to read only."""
    from cood.evaluation.embed.embed import embed_model
    from cood.evaluation.factor_scores import score_factor_sets
    from cood.models.training.factor_clip import train_factor_model
    from cood.synthesis.scenes.factor_sets import draw_factor_set

    root = tmp_path_factory.mktemp("factors") / "project"
    shutil.copytree(built, root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        file = root / "workflow" / "studies" / "tiny.yaml"
        file.write_text(yaml.safe_dump({**SETTINGS, **FACTORS}))
        study = load_study("tiny")
        for name in study.factor_sets:
            draw_factor_set(study, name)
        train_factor_model(study, "on-shapes", lambda text: None)
        for model in ("few", "published", "on-shapes"):
            embed_model(study, model, lambda text: None)
            if model in study.on_factor_sets:
                score_factor_sets(study, model)
    return root


@pytest.fixture
def factored(drawn_factors, monkeypatch):
    """The tiny study with factor sets, in the project `drawn_factors`: to read only."""
    monkeypatch.chdir(drawn_factors)
    return load_study("tiny")


@pytest.fixture
def copied_factors(drawn_factors, tmp_path, monkeypatch):
    """The same in a copy: to be damaged."""
    root = tmp_path / "project"
    shutil.copytree(drawn_factors, root)
    monkeypatch.chdir(root)
    return load_study("tiny")
