import copy

import pytest
from pydantic import ValidationError

from cood.design import Dose, Levels, Range
from cood.settings.design import FACTORS, MOST_MODELS, Design, expand, model_name

RAW = {
    "models": 24,
    "seed": 1,
    "factors": {
        "share": {"low": 0.15, "high": 0.8, "log": True},
        "images": {"low": 1600, "high": 12800, "log": True},
        "steps": {"low": 300, "high": 900, "log": True},
        "skew": {"low": 0, "high": 1},
        "wrong_captions": {"low": 0, "high": 0.3},
        "treatment": {"levels": ["none", "orthogonality", "orthogonality_placebo"]},
        "strength": {"orthogonality": {"low": 0.3, "high": 10, "log": True}},
    },
}


def changed(factors=None, **sections):
    raw = {**copy.deepcopy(RAW), **sections}
    raw["factors"] = {k: v for k, v in {**raw["factors"], **(factors or {})}.items() if v}
    return raw


def sentence(raw):
    """Place and message of the only error."""
    with pytest.raises(ValidationError) as caught:
        Design.model_validate(raw)
    (error,) = caught.value.errors()
    place = ".".join(str(part) for part in error["loc"])
    return f"{place}: {error['msg'].removeprefix('Value error, ')}"


def test_the_factors_of_a_design():
    design = Design.model_validate(RAW)
    assert (design.models, design.replicates, design.revisions) == (24, 0, [])
    assert design.factors.as_factors() == [
        Range("share", 0.15, 0.8, log=True),
        Range("images", 1600, 12800, log=True, whole=True),
        Range("steps", 300, 900, log=True, whole=True),
        Range("skew", 0, 1),
        Range("wrong_captions", 0, 0.3),
        Levels("treatment", ("none", "orthogonality", "orthogonality_placebo")),
        Dose(
            "strength",
            "treatment",
            (
                (
                    Range("orthogonality", 0.3, 10, log=True),
                    ("orthogonality", "orthogonality_placebo"),
                ),
            ),
        ),
    ]
    assert design.names()[0] == "m001"
    assert design.names()[-1] == "m024"


def test_a_penalty_may_lack_its_placebo_and_a_design_its_treatment():
    alone = {
        "treatment": {"levels": ["none", "additivity"]},
        "strength": {"additivity": {"low": 0.1, "high": 3}},
    }
    dose = Design.model_validate(changed(alone)).factors.as_factors()[-1]
    assert dose.arms == ((Range("additivity", 0.1, 3), ("additivity",)),)
    none = Design.model_validate(changed({"treatment": None, "strength": None}))
    assert [factor.name for factor in none.factors.as_factors()][-1] == "wrong_captions"


LEVELS = {"levels": ["none", "orthogonality", "additivity_placebo"]}
DOSE = {"low": 0.3, "high": 10}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            changed({"share": {"low": 0.8, "high": 0.15}}),
            "factors.share: low 0.8 is not below high 0.15; exchange them",
        ),
        (
            changed({"steps": {"low": 300, "high": 300}}),
            "factors.steps: low 300 is not below high 300; exchange them",
        ),
        (
            changed({"skew": {"low": 0, "high": 1, "log": True}}),
            "factors.skew: low: 0 has no logarithm; raise it above 0 or leave log out",
        ),
        (
            changed({"strength": {"orthogonality": {"low": 10, "high": 0.3}}}),
            "factors.strength.orthogonality: low 10 is not below high 0.3; exchange them",
        ),
        (
            changed({"images": {"low": 1600.5, "high": 12800}}),
            "factors.images.low: Input should be a valid integer",
        ),
        (
            changed({"skew": {"low": 0, "high": float("inf")}}),
            "factors.skew.high: Input should be a finite number",
        ),
        (
            changed({"loss": {"levels": ["softmax", "sigmoid", "softmax"]}}),
            "factors.loss: levels: 'softmax' is listed twice; list it once",
        ),
        (
            changed({"loss": {"levels": ["softmax"]}}),
            "factors.loss: levels: a factor needs two or more, got 1; put a setting that does not "
            "vary under defaults",
        ),
        (
            changed({"stpes": {"low": 300, "high": 900}}),
            "factors: unknown key 'stpes'; did you mean steps?",
        ),
        (
            changed({"treatment": {"levels": ["none", "orthogonalty"]}, "strength": None}),
            "factors: treatment.levels: unknown treatment 'orthogonalty'; did you mean "
            "orthogonality or orthogonality_placebo?",
        ),
        (
            changed({"treatment": LEVELS, "strength": {"orthogonality": DOSE}}),
            "factors: strength: additivity is a level of treatment and has no range here; add "
            "strength: {additivity: {low: ..., high: ..., log: true}}",
        ),
        (
            changed({"strength": {"orthogonality": DOSE, "additivity": DOSE}}),
            "factors: strength.additivity: no level of treatment has this penalty; add additivity "
            "to treatment.levels or leave the range out",
        ),
        (
            changed({"treatment": None}),
            "factors: strength.orthogonality: no level of treatment has this penalty; add "
            "orthogonality to treatment.levels or leave the range out",
        ),
        (
            changed({"strength": {"orthogonality_placebo": DOSE}}),
            "factors: strength: unknown penalty 'orthogonality_placebo'; did you mean "
            "orthogonality?",
        ),
        (
            changed(models=15),
            "models: 15 are too few for the 8 columns of the design; at least 16 are needed, or "
            "fewer factors",
        ),
        (changed(models=MOST_MODELS + 1), "models: Input should be less than or equal to 1000"),
        (
            changed(replicates=25),
            "replicates: 25 is more than the 24 models; at most all can be trained once more",
        ),
        (
            changed(revisions=["a", "b", "c"]),
            "revisions: 3 are listed, and 2 are allowed, because a design that is revised until it "
            "pleases tests nothing; start a new study",
        ),
        ({**RAW, "factors": {}}, f"factors: at least one is needed; known: {', '.join(FACTORS)}"),
    ],
)
def test_a_bad_setting_costs_one_sentence(raw, expected):
    # Errors of the whole section have no place of their own but that of the section.
    assert sentence(raw).removeprefix(": ") == expected


def test_the_fewest_models_that_are_enough():
    assert Design.model_validate(changed(models=16, replicates=16)).models == 16


def test_the_settings_of_each_model():
    design = Design.model_validate(changed(replicates=1))
    points = [{"share": 0.2, "steps": 300}, {"share": 0.4, "steps": 400}]
    assert expand(design, points) == {
        "m001": {"share": 0.2, "steps": 300, "seed": 1},
        "m002": {"share": 0.4, "steps": 400, "seed": 2},
        "m001-replicate": {"share": 0.2, "steps": 300, "seed": 1001},
    }


def test_all_names_and_seeds_differ_in_the_largest_design():
    design = Design.model_validate(changed(models=MOST_MODELS, replicates=MOST_MODELS))
    models = expand(design, [{"share": 0.2}] * MOST_MODELS)
    assert len(models) == len({model["seed"] for model in models.values()}) == 2 * MOST_MODELS
    assert model_name(MOST_MODELS) in models
