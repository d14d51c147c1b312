"""What stages reach: a stage runs again when a module that it reaches changes."""

from functools import cache

import grimp
import pytest

VALUES = "cood.settings"  # a stage depends on the values of the settings, not on their code
FOREIGN_MODELS = (
    "cood.catalogue.checkpoints",
    "cood.catalogue.image_encoders",
    "cood.catalogue.open_clip_listing",
    "cood.models.checkpoint_names",
    "cood.models.hub",
    "cood.models.image_encoders",
    "cood.models.loading",
    "cood.models.null_models",
)
TRAINING = ("models.training.clip", "models.training.factor_clip", "models.training.image_encoder")
SOURCES = {
    "synthesis.drawing": "cood.synthesis.drawing.icon_sets",
    "synthesis.external": "cood.synthesis.external.importing",
    "synthesis.generation": "cood.synthesis.generation.diffusion",
    "synthesis.scenes": "cood.synthesis.scenes.factor_sets",
}


@cache
def graph():
    return grimp.build_graph("cood", cache_dir=None)


def reached(entry):
    """Modules that a module imports, directly or not, also inside functions."""
    modules, left = set(), [entry]
    while left:
        module = left.pop()
        if module in modules or module == VALUES or module.startswith(f"{VALUES}."):
            continue
        modules.add(module)
        left += graph().find_modules_directly_imported_by(module)
    return modules


def test_an_import_inside_a_function_is_reached():
    assert "cood.curation.verification.verifier" in reached("cood.curation.verification.verify")


@pytest.mark.parametrize("entry", TRAINING)
def test_training_reaches_no_code_for_models_from_elsewhere(entry):
    modules = reached(f"cood.{entry}")
    assert not modules & set(FOREIGN_MODELS)
    assert not any(m.startswith(("cood.evaluation", "cood.synthesis.external")) for m in modules)


def test_loading_a_folder_reaches_neither_the_hub_nor_the_catalogue():
    assert not reached("cood.models.folders") & set(FOREIGN_MODELS)


@pytest.mark.parametrize("source", SOURCES)
def test_a_set_reaches_the_code_of_its_own_source_only(source):
    modules = reached(SOURCES[source])
    others = tuple(f"cood.{other}." for other in SOURCES if other != source)
    assert not [module for module in modules if module.startswith(others)]
    assert not [module for module in modules if module.startswith("cood.models")]


def test_importing_reaches_all_of_its_own_code():
    own = {m for m in graph().modules if m.startswith("cood.synthesis.external.")}
    assert own <= reached("cood.synthesis.external.importing")


@pytest.mark.parametrize(
    "entry", ["evaluation.collect", "evaluation.factor_scores", "synthesis.generation.shards"]
)
def test_what_reads_tables_reaches_no_renderer(entry):
    renderers = ("cood.synthesis.drawing.draw", "cood.synthesis.scenes.scenes", "cood.models")
    assert not [module for module in reached(f"cood.{entry}") if module.startswith(renderers)]


def test_searching_captions_reaches_no_images_and_no_models():
    unused = ("cood.synthesis", "cood.models", "cood.evaluation", "cood.metrics")
    modules = reached("cood.curation.caption_search.search")
    assert not [module for module in modules if module.startswith(unused)]
