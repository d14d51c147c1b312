"""Models that are trained here, on drawings and on factor sets: what is refused and allowed."""

import pytest

from cood.errors import StudyError
from cood.settings import TREATMENTS

MODEL = {"image_tower": "resnet", "share": 0.7, "images": 64, "steps": 8, "batch": 8}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"captions": {}}, "m: unknown key 'captions'; did you mean "),
        ({"epochs": 2}, "m: unknown key 'epochs'; known: .*, steps, "),
        ({"share": 0}, "m.share: .* greater than 0, got 0"),
        ({"share": 1.1}, "m.share: .* less than or equal to 1, got 1.1"),
        ({"steps": 0}, "m.steps: .* got 0"),
        ({"batch": 1}, "m.batch: .* got 1"),
        ({"skew": -0.1}, "m.skew: .* got -0.1"),
        ({"skew": float("inf")}, "m.skew: .* finite number, got inf"),
        ({"seed": -1}, "m.seed: .* got -1"),
        ({"wrong_captions": -0.1}, "m.wrong_captions: .* got -0.1"),
        ({"wrong_captions": 0.76}, "m.wrong_captions: .* less than or equal to 0.75, got 0.76"),
        ({"pair_captions": 0}, "m.pair_captions: .* got 0"),
        ({"pair_captions": 1.1}, "m.pair_captions: .* got 1.1"),
        ({"learning_rate": 0}, "m.learning_rate: .* got 0"),
        ({"embed_dim": 1}, "m.embed_dim: .* got 1"),
        ({"embed_dim": 64.5}, "m.embed_dim: .* got 64.5"),
        ({"moments": 1}, "m.moments: .* got 1"),
        ({"image_tower": "../vit"}, "m.image_tower: a name may hold letters.* got '../vit'"),
        (
            {"treatment": "orthogonal"},
            "m.treatment: unknown value 'orthogonal'; did you mean orthogonality",
        ),
        ({"strength": 1.0}, "m: strength: 1.0 needs a treatment, got 'none'"),
        ({"treatment": "additivity", "strength": -1.0}, "m.strength: .* got -1.0"),
        ({"batch": 65}, "m: batch: 65 is more than the 64 images"),
        (
            {"images": 65},
            "m: images: 65 is more than the 64 that 8 steps with 8 images each show",
        ),
        (
            {"steps": 7},
            "m: images: 64 is more than the 56 that 7 steps with 8 images each show",
        ),
        (
            {"share": 0.59},
            "m.share: 0.59 of the 16 compositions outside the core is too few to show every "
            "attribute and object with 2 others; at least 10 are needed",
        ),
        (
            {"images": 43},
            "m.images: 43 is too few for 4 drawings of each of the 11 compositions that it sees",
        ),
    ],
    ids=str,
)
def test_a_model_that_cannot_be_trained_is_refused_in_one_sentence(parse, changes, message):
    with pytest.raises(StudyError, match=rf"^tiny\.yaml: models\.{message}") as caught:
        parse(models={"m": {**MODEL, **changes}})
    assert "\n" not in str(caught.value)
    assert str(caught.value).count("models.m") == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"share": 1, "images": 64},  # four drawings of each of 16 compositions
        {"share": 0.6, "images": 40},
        {"images": 64, "steps": 1, "batch": 64},
        {"images": 44, "steps": 22, "batch": 2},
        {"wrong_captions": 0.75, "pair_captions": 0.001},
        {"treatment": "none", "strength": 0},
        *({"treatment": name, "strength": 0.3} for name in TREATMENTS[1:]),
    ],
    ids=str,
)
def test_the_ends_of_what_a_model_may_be(parse, changes):
    training = parse(models={"m": {**MODEL, **changes}}).trained["m"]
    assert {name: getattr(training, name) for name in changes} == changes


def test_treatments_are_penalties_and_their_placebos():
    assert TREATMENTS == (
        "none",
        "orthogonality",
        "orthogonality_placebo",
        "additivity",
        "additivity_placebo",
    )


SHAPES = {"source": "shapes3d", "images": 50}
ON_SHAPES = {**MODEL, "set": "shapes", "share": 0.5}


@pytest.mark.parametrize(
    ("sets", "models", "message"),
    [
        ({"ao": SHAPES}, {}, r"factor_sets\.ao: that name is taken"),
        (
            {"s": {**SHAPES, "source": "mpi3d"}},
            {},
            r"factor_sets\.s\.source: unknown value 'mpi3d'; known: shapes3d, dsprites",
        ),
        ({"s": {**SHAPES, "imgaes": 3}}, {}, "factor_sets.s: unknown key 'imgaes'; did you mean"),
        ({"s": {**SHAPES, "images": 480_001}}, {}, "480001 is more than the 480000 scenes"),
        ({"s": {**SHAPES, "size": 32, "file": "x.h5"}}, {}, "64 pixels a side, not 32"),
        ({"shapes": SHAPES}, {"few": ON_SHAPES}, r"factor_models\.few: that name is taken"),
        ({"shapes": SHAPES}, {"baselines": ON_SHAPES}, r"factor_models\.baselines: that name"),
        (
            {"shapes": SHAPES},
            {"m": {**ON_SHAPES, "set": "shaeps"}},
            r"factor_models\.m\.set: unknown factor set 'shaeps'; did you mean shapes\?",
        ),
        (
            {"shapes": SHAPES},
            {"m": {**ON_SHAPES, "share": 1.1}},
            r"factor_models\.m\.share: .* less than or equal to 1, got 1.1",
        ),
        (
            {"shapes": SHAPES},
            {"m": {**ON_SHAPES, "share": 0.2}},
            r"factor_models\.m\.share: 0\.2 of the 32 compositions outside the core .* at least 10",
        ),
        (
            {"shapes": SHAPES},
            {"m": {**ON_SHAPES, "images": 192_000, "steps": 24_000}},
            r"factor_models\.m\.images: 192000 is more than the 191950 scenes",
        ),
        (
            {"shapes": SHAPES},
            {"m": {**ON_SHAPES, "captions": {}}},
            r"factor_models\.m: unknown key 'captions'",
        ),
    ],
)
def test_wrong_factor_settings_get_one_sentence(parse, sets, models, message):
    with pytest.raises(StudyError, match=message) as caught:
        parse(factor_sets=sets, factor_models=models)
    assert "\n" not in str(caught.value)


def test_a_study_may_lack_factor_sets_but_not_with_their_notebook(parse):
    study = parse()
    assert study.factor_sets == study.factor_models == {}
    assert study.factor_sets_of("few") == []
    with pytest.raises(
        StudyError, match=r"notebooks\.factor_sets: it needs a section `factor_sets`"
    ):
        parse(notebooks={"factor_sets": {}})


def test_factor_sets_and_models_that_are_looked_up(parse):
    study = parse(factor_sets={"shapes": SHAPES}, factor_models={"m": ON_SHAPES})
    assert study.factor_set("shapes").size == 64
    assert study.factor_model("m").family == "draw 0"
    assert "m" not in study.trained
    with pytest.raises(StudyError, match=r"unknown factor set 'shaeps'; did you mean shapes\?"):
        study.factor_set("shaeps")
    with pytest.raises(StudyError, match="unknown factor model 'few'; known: m"):
        study.factor_model("few")
