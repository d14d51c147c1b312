"""The registry of stages, against the places that must agree with it."""

import re
from importlib import import_module
from inspect import signature
from pathlib import Path

import pytest
import yaml

from cood.pipeline.costs import COSTS
from cood.settings.study_file import load_study
from cood.stages import CARD, OF_RULE, STAGES, gpu_eighths, targets, weights

ROOT = Path(__file__).parents[1]
SNAKEFILE = (ROOT / "workflow" / "Snakefile").read_text()
RULES = {
    *re.findall(r"^rule (\w+):", SNAKEFILE, re.MULTILINE),
    *re.findall(r'^    "(\w+)": \(\[', SNAKEFILE, re.MULTILINE),  # the table of the other stages
    *re.findall(r'^    \("(\w+)", "\w+", ', SNAKEFILE, re.MULTILINE),  # the rules of `embed`
}


def test_every_stage_has_a_rule_and_every_rule_a_stage():
    assert RULES - {"all"} == set(OF_RULE), "the Snakefile and cood/stages have other stages"


def test_every_stage_has_a_cost():
    assert set(COSTS) == set(STAGES), "cood/pipeline/costs.py and cood/stages have other stages"


@pytest.mark.parametrize("stage", STAGES.values(), ids=list(STAGES))
class TestStage:
    def test_its_entry_takes_the_study_its_keys_and_what_is_passed(self, stage):
        module, _, name = stage.entry.partition(":")
        parameters = signature(getattr(import_module(module), name)).parameters
        if stage.name in ("notebook", "book"):
            return  # called by commands of their own
        assert next(iter(parameters)) == "study"
        required = [n for n, p in parameters.items() if p.default is p.empty]
        assert len(required) <= 1 + len(stage.keys) + len(stage.passes)
        assert set(stage.passes) <= set(parameters)

    def test_its_words_are_there(self, stage):
        for words in (stage.does, stage.writes, stage.progress, stage.title):
            assert words
            assert not words.endswith(".")


@pytest.mark.parametrize("name", ["smoke", "mini", "paper"])
def test_jobs_outputs_and_settings_of_the_studies(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    study = load_study(name)
    files = targets(study)
    assert len(files) == len(set(files))
    assert study.paths.html in files
    for stage in STAGES.values():
        for keys in stage.jobs(study):
            assert len(keys) == len(stage.keys)
            assert stage.settings(study, *keys) == stage.settings(study, *keys)
            assert all(
                place is None or isinstance(place, str) for place in stage.places(study, *keys)
            )


def test_a_setting_of_a_stage_changes_its_settings_and_those_of_no_other(tiny):
    def settings(study):
        return {
            (name, keys): stage.settings(study, *keys)
            for name, stage in STAGES.items()
            for keys in stage.jobs(study)
        }

    def changed(**update):
        after = settings(tiny.model_copy(update=update))
        return {
            name for (name, keys), value in settings(tiny).items() if after[name, keys] != value
        }

    retrieval = tiny.retrieval.model_copy(update={"samples": 3})
    assert changed(retrieval=retrieval) == {"accuracy"}
    metrics = tiny.representation_metrics.model_copy(update={"repeats": 2})
    assert changed(representation_metrics=metrics) == {"representation_metrics"}
    models = {**tiny.models, "few": tiny.models["few"].model_copy(update={"steps": 9})}
    assert changed(models=models) == {"train", "baselines", "collect"}


def test_weights_that_are_made_here(factored):
    assert [file.parent.name for file in weights(factored, "few")] == ["few"]
    assert [file.parent.name for file in weights(factored, "on-shapes")] == ["on-shapes"]
    assert weights(factored, None) == []


def test_the_profile_names_rules_that_there_are():
    profile = yaml.safe_load((ROOT / "workflow/profiles/slurm/config.v8+.yaml").read_text())
    assert set(profile["set-threads"]) <= set(OF_RULE)
    several = {rule for rule, stage in OF_RULE.items() if stage.resources.threads != 1}
    # Factor models are small and trained here: one thread reads their images.
    assert set(profile["set-threads"]) == several - {"embed_factor_model"}


def test_stages_that_use_a_gpu():
    gpu = {name for name, stage in STAGES.items() if stage.resources.gpu}
    # They start torch for large studies on a GPU only.
    scoring = {
        *("accuracy", "dimension_swap", "linear_probe"),
        *("representation_metrics", "interventions"),
    }
    assert gpu - scoring == {
        "generate",
        "ask_verifier",
        "train",
        "train_image_encoder",
        "train_factor_model",
        "embed",
        "near_duplicates",
    }
    assert scoring <= gpu
    assert gpu - scoring == gpu & {name for name, stage in STAGES.items() if stage.uses_torch}
    for name in gpu:  # what the cluster gives, and what a machine shares
        of_rule = STAGES[name].resources.of_rule
        assert of_rule["gpu"] == 1
        small = name.startswith("train") or name in scoring
        assert of_rule["gpu_eighths"] == (1 if small else CARD)
    assert "gpu" not in STAGES["collect"].resources.of_rule


def test_small_models_take_a_small_share_of_a_gpu(factored):
    shares = {
        name: gpu_eighths(factored, STAGES["embed"], name) for name in ("few", "on-shapes", "x/y")
    }
    assert shares == {"few": 1, "on-shapes": 1, "x/y": CARD}
    assert gpu_eighths(factored, STAGES["near_duplicates"]) == CARD
    assert gpu_eighths(factored, STAGES["accuracy"], "few") == 1
    assert gpu_eighths(factored, STAGES["collect"]) == 0


def test_the_snakefile_is_read_at_a_glance():
    assert SNAKEFILE.count("\n") <= 250
    assert "cood/" not in re.sub(r"#.*", "", SNAKEFILE), "a list of modules in the Snakefile"
