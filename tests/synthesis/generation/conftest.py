"""A study of one generated set, and the tiny pipeline that makes it."""

import pytest
import yaml

from cood.settings.study_file import load_study, parse_study
from cood.synthesis.generation import diffusion
from cood.synthesis.generation.pipelines import load_pipeline

WORDS = {"attributes": ["red", "teal", "aqua"], "objects": ["apple", "dog"]}
CHECKPOINTS = {"a": {"checkpoint": "ViT-B-32-quickgelu/openai"}}
SETTINGS = {"seed": 7, "core": 0.2, "models": CHECKPOINTS, "notebooks": {}}


@pytest.fixture
def study(project, settings, pipeline_folder):
    """Write the study `tiny` with the generated set `own`, changed as given, and read it."""

    def make(models=None, words=WORDS, **given):
        own = {"source": "diffusion", "model": f"local-dir:{pipeline_folder}", "size": 16}
        own |= {"images_per_composition": 2, "isolated_images": 1, "shard": 4, **given}
        changed = {**settings, "vocabulary": words, "sets": {"own": own}}
        changed["retrieval"] = changed["dimension_swap"] = {"samples": 20}
        changed["models"] = models or CHECKPOINTS
        (project / "workflow" / "studies" / "tiny.yaml").write_text(yaml.safe_dump(changed))
        return load_study("tiny")

    return make


@pytest.fixture(scope="session")
def pipeline(pipeline_folder):
    """The tiny pipeline, as `load_pipeline` gives it."""
    own = {"source": "diffusion", "model": f"local-dir:{pipeline_folder}"}
    settings = {**SETTINGS, "name": "x", "vocabulary": WORDS, "sets": {"own": own}}
    study = parse_study(settings, "x.yaml")
    return load_pipeline(study, study.generated_set("own"))


@pytest.fixture
def loaded(pipeline, monkeypatch):
    """The tiny pipeline wherever one is loaded."""
    monkeypatch.setattr(diffusion, "load_pipeline", lambda *given: pipeline)
    return pipeline


@pytest.fixture
def contents():
    """Give the bytes of every image of a study's set."""

    def read(study):
        folder = study.paths.manifest("own").parent
        return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.webp")}

    return read
