"""Wrong settings of a study file are refused in one sentence that names them."""

import pytest

from cood.errors import StudyError

MODEL = {"image_tower": "resnet", "share": 0.7, "images": 64, "steps": 8, "batch": 8}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"coer": 0.2}, r"unknown key 'coer'; did you mean core\?"),
        (
            {"models": {"m": {**MODEL, "setps": 2}}},
            r"models.m: unknown key 'setps'; did you mean steps",
        ),
        ({"defaults": {"bogus": 1}}, r"defaults: unknown key 'bogus'"),
        ({"models": {"m": {"checkpoint": "x/y", "share": 0.3}}}, "models.m: unknown key 'share'"),
        ({"sets": {"ao": {"source": "icons"}}}, "sets.ao.images_per_composition: missing"),
        (
            {"sets": {"ao": {"source": "icosn"}}},
            r"sets\.ao\.source: unknown source 'icosn'; did you",
        ),
        ({"sets": {"ao": {"size": 32}}}, r"sets\.ao\.source: missing; known: icons, diffusion"),
        (
            {"sets": {"ao": {"source": "folder", "foldr": "x"}}},
            r"sets\.ao: unknown key 'foldr'; did you mean folder\?",
        ),
        ({"sets": {"ao": {"source": "folder"}}}, r"sets\.ao\.folder: missing"),
        (
            {"sets": {"ao": {"source": "release", "file": "x.zip", "sha256": "abc"}}},
            r"sets\.ao\.sha256: .*got 'abc'",
        ),
        ({"sets": {"ao": {"source": "diffusion", "steps": 0}}}, r"sets\.ao\.steps: .* got 0"),
        (
            {"sets": {"ao": {"source": "diffusion", "size": 500}}},
            r"sets\.ao\.size: .*multiple of 8",
        ),
        (
            {"sets": {"ao": {"source": "diffusion", "prompts": ["a photo"]}}},
            r"sets\.ao: prompts: 'a photo' must hold \{\} once",
        ),
        (
            {"sets": {"ao": {"source": "diffusion", "no_safety_checker": ""}}},
            r"sets\.ao\.no_safety_checker: .*at least 1 char",
        ),
        (
            {"sets": {"ao": {"source": "diffusion", "no_safety_checker": True}}},
            r"sets\.ao\.no_safety_checker: .*got True",
        ),
        (
            {"sets": {"ao": {"source": "folder", "folder": "x"}}},
            r"models\.few: it is trained on drawings .* source is 'folder'; put a set of icons",
        ),
        *(
            (
                {"vocabulary": {"attributes": ["red", "blue"], "objects": ["hat", word]}},
                r"vocabulary\.objects: .* cannot name an object: a name has one to 100 printable",
            )
            for word in ("../x", "", "a\nb", "a  b", " a", "x" * 300, "a\x00")
        ),
        ({"vocabulary": {"attributes": "all", "objects": "imagenet"}}, r"attributes: .*got 'all'"),
        ({"seed": "7"}, r"seed: Input should be a valid integer, got '7'"),
        ({"seed": True}, r"seed: Input should be a valid integer, got True"),
        ({"seed": -1}, r"seed: .* got -1"),
        ({"core": 0}, r"core: .* got 0"),
        ({"core": 1.0}, r"core: .* got 1.0"),
        ({"core": float("nan")}, r"core: .* got nan"),
        ({"models": [1]}, r"models: Input should be a valid dictionary, got \[1\]"),
        ({"models": {}}, r"models: .* at least 1 item"),
        ({"sets": {}}, r"sets: .* at least 1 item"),
        (
            {
                "sets": {
                    "ao": {"source": "icons", "images_per_composition": 1, "isolated_images": 0}
                }
            },
            r"sets.ao.isolated_images: .* got 0",
        ),
        ({"models": {"m": {**MODEL, "images": 2.5}}}, r"models.m.images: .* got 2.5"),
        (
            {"models": {"m": {**MODEL, "loss": "hinge"}}},
            r"models.m.loss: unknown value 'hinge'; known: softmax, sigmoid",
        ),
        (
            {"models": {"m": {**MODEL, "loss": "Softmx"}}},
            r"models.m.loss: unknown value 'Softmx'; did you mean softmax\?",
        ),
        ({"models": {"../m": MODEL}}, r"models.*a name may hold letters.*got '../m'"),
        ({"name": "a/b"}, r"name: .* got 'a/b'"),
        ({"evaluation": {"level": 95}}, r"evaluation.level: .* got 95"),
        ({"dimension_swap": {"needed": 1.5}}, r"dimension_swap.needed: .* got 1.5"),
        (
            {"dimension_swap": {"sample": 5}},
            r"dimension_swap: unknown key 'sample'; did you mean samples",
        ),
        ({"corpora": {"c": {}}}, "corpora.c: either files or model must be given, and not both"),
        (
            {"corpora": {"c": {"files": ["a"], "model": "few"}}},
            "corpora.c: either files or model must be given, and not both",
        ),
        ({"corpora": {"c": {"files": []}}}, r"corpora.c.files: .* got \[\]"),
        ({"corpora": {"c": {"file": "a"}}}, r"corpora.c: unknown key 'file'; did you mean files"),
        (
            {"corpora": {"c": {"model": "few", "column": "text"}}},
            "corpora.c: column: can be given with files only",
        ),
        (
            {"corpora": {"c": {"model": "fwe"}}},
            r"corpora.c.model: unknown trained model 'fwe'; did you mean few",
        ),
        (
            {"image_encoders": {"t": {"untrained": "resnet", "sed": 1}}},
            r"image_encoders.t: unknown key 'sed'; did you mean seed",
        ),
        (
            {"image_encoders": {"t": {"objective": "label", **MODEL}}},
            r"image_encoders.t.objective: unknown value 'label'; did you mean labels",
        ),
        (
            {"image_encoders": {"t": {"objective": "labels", **MODEL, "share": 0.3}}},
            r"image_encoders.t.share: 0.3 of the 16 compositions outside the core is too few",
        ),
        (
            {"image_encoders": {"t": {"objective": "labels", **MODEL, "images": 40}}},
            r"image_encoders.t.images: 40 is too few for 4 drawings of each of the 11 comp",
        ),
        (
            {"image_encoders": {"t": {"encoder": "file:a.safetensors"}}},
            r"image_encoders.t: architecture: needed with an encoder file:",
        ),
        (
            {"image_encoders": {"baselines": {"untrained": "resnet"}}},
            "image_encoders.baselines: .* taken",
        ),
        ({"notebooks": {"novelty": {}}}, "notebooks.novelty: it needs a section `corpora`"),
        ({"evaluation": {"templates": []}}, r"evaluation.templates: .* got \[\]"),
        ({"evaluation": {"ablations": ["{}"]}}, r"evaluation.ablations: .*valid dictionary"),
        ({"evaluation": {"ablations": {"bare": []}}}, r"ablations.bare: .* got \[\]"),
        (
            {"evaluation": {"ablations": {"bare": ["a photo"]}}},
            r"evaluation: ablations.bare: 'a photo' must hold \{\} once",
        ),
        (
            {"representation_metrics": {"fixed_width": 0}},
            r"representation_metrics.fixed_width: .* got 0",
        ),
        ({"null_models": {"few": {"image_tower": "vit"}}}, "null_models.few: that name is taken"),
        (
            {"null_models": {"null": {"image_tower": "vit", "share": 0.5}}},
            "null_models.null: unknown key 'share'; known: architecture, image_tower, text_tower",
        ),
        (
            {"null_models": {"null": {"seed": 1}}},
            "null_models.null: name the image_tower of a small CLIP, or an architecture",
        ),
        (
            {"null_models": {"null": {"image_tower": "vit", "architecture": "RN50"}}},
            "null_models.null: name the image_tower of a small CLIP, or an .*, not both",
        ),
        (
            {"null_models": {"null": {"architecture": "RN50", "embed_dim": 32}}},
            "null_models.null: embed_dim: it is of small CLIPs only, .* 'RN50' has its own",
        ),
        ({"notebooks": {"dataset": None}}, r"notebooks.dataset: .* got None"),
        (
            {"vocabulary": {"attributes": ["red", "blu"], "objects": ["apple", "hat"]}},
            r"vocabulary.attributes: unknown attribute 'blu'; did you mean blue",
        ),
        (
            {"vocabulary": {"attributes": ["red", "big  red"], "objects": ["apple", "hat"]}},
            r"vocabulary.attributes: 'big  red' cannot name an attribute: a name has one to 100",
        ),
        (
            {"vocabulary": {"attributes": ["red", "red"], "objects": ["apple", "hat"]}},
            "attributes: red named more than once",
        ),
        (
            {"vocabulary": {"attributes": ["red", "red brick"], "objects": ["wall", "brick wall"]}},
            "vocabulary: 'red' with 'brick wall' and 'red brick' with 'wall' have one text",
        ),
        (
            {"vocabulary": {"attributes": ["red", "blue"], "objects": ["T-shirt", "t shirt"]}},
            "vocabulary.objects: 'T-shirt' and 't shirt' differ only in capitals, dashes or blanks",
        ),
        (
            {"vocabulary": {"attributes": ["red", "blue"], "objects": ["apple"]}},
            r"objects: at least two are needed, got \['apple'\]",
        ),
    ],
)
def test_wrong_settings_get_one_sentence(parse, changes, message):
    with pytest.raises(StudyError, match=message) as caught:
        parse(**changes)
    assert str(caught.value).startswith("tiny.yaml: ")
    assert "\n" not in str(caught.value)


def test_every_wrong_setting_is_reported(parse):
    with pytest.raises(StudyError, match=r"seed: .*core: "):
        parse(seed=-1, core=2)


@pytest.mark.parametrize("value", [3, "abc", [1]])
def test_a_model_that_is_no_mapping_is_refused(parse, value):
    with pytest.raises(StudyError, match=r"models\.m"):
        parse(models={"m": value})


@pytest.mark.parametrize("value", [0, "", []])
def test_an_empty_model_does_not_disappear(parse, value):
    with pytest.raises(StudyError, match=r"models\.m"):
        parse(models={"few": {"share": 0.7}, "m": value})


def test_defaults_that_are_no_mapping_are_refused(parse):
    with pytest.raises(StudyError, match="defaults"):
        parse(defaults=3, models={"m": MODEL})


def test_a_model_cannot_be_called_as_the_baselines_are(parse):
    with pytest.raises(StudyError, match="baselines"):
        parse(models={"baselines": MODEL})


@pytest.mark.parametrize("template", ["a photo", "a {name}", "a {} {}", "a {"])
def test_a_template_needs_one_place_for_the_name(parse, template):
    with pytest.raises(StudyError, match="templates"):
        parse(evaluation={"templates": [template]})


@pytest.mark.parametrize(
    ("defaults", "said"),
    [
        ({"learning_rat": 1}, "defaults: unknown key 'learning_rat'; did you mean learning_rate?"),
        ({"loss": "hinge"}, "defaults.loss: unknown value 'hinge'; known: softmax, sigmoid"),
        ({"pair_captions": 2}, "defaults.pair_captions: "),
    ],
)
def test_an_error_of_the_defaults_is_named_once(parse, settings, defaults, said):
    with pytest.raises(StudyError) as caught:
        parse(defaults={**settings["defaults"], **defaults})
    assert said in str(caught.value)
    assert str(caught.value).count("defaults") == 1
    assert "models" not in str(caught.value)


def test_settings_of_the_defaults_that_clash_are_named_once(parse, settings):
    with pytest.raises(StudyError) as caught:
        parse(defaults={**settings["defaults"], "images": 4, "batch": 8})
    assert str(caught.value) == (
        "tiny.yaml: models.few, models.most: batch: 8 is more than the 4 images"
    )


def test_a_model_may_repair_a_clash_of_the_defaults(parse, settings):
    complete = {**settings["defaults"], "share": 0.7, "batch": 65, "steps": 16}
    study = parse(defaults=complete, models={"few": {"batch": 4}})
    assert study.trained["few"].batch == 4


def test_an_error_of_a_model_is_not_one_of_the_defaults(parse):
    with pytest.raises(StudyError, match=r"models\.few\.loss: unknown value 'hinge'; known: .*$"):
        parse(models={"few": {"share": 0.7, "loss": "hinge"}, "most": {"share": 0.8}})
    with pytest.raises(StudyError, match=r"yaml: models\.few: batch: 65 is more than the 64"):
        parse(models={"few": {"share": 0.7, "batch": 65}, "most": {"share": 0.8}})
