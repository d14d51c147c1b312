"""Studies whose models are described by a design."""

import pytest
import yaml

from cood.errors import StudyError
from cood.settings.design_file import points_file
from cood.settings.design_models import keep_points
from cood.settings.study_file import load_study

DESIGN = {
    "models": 8,
    "seed": 3,
    "factors": {
        "share": {"low": 0.6, "high": 0.9, "log": True},
        "steps": {"low": 8, "high": 20},
        "treatment": {"levels": ["none", "orthogonality"]},
        "strength": {"orthogonality": {"low": 0.5, "high": 2.0, "log": True}},
    },
}


@pytest.fixture
def write(project, settings):
    """Write the tiny study with a design; give its file."""

    def make(listed=None, **changes):
        sections = {**settings, "design": {**DESIGN, **changes}, "models": listed or {}}
        file = project / "workflow" / "studies" / "tiny.yaml"
        file.write_text(yaml.safe_dump(sections))
        return file

    return make


def test_a_design_adds_its_models_with_the_defaults_and_seeds_of_their_own(write):
    write(listed={"by-hand": {"share": 0.7, "seed": 99}}, replicates=2)
    study = load_study("tiny")
    points = [f"m{k:03d}" for k in range(1, 9)]
    assert list(study.models) == [*points, "m001-replicate", "m002-replicate", "by-hand"]
    seeds = [model.seed for model in study.trained.values()]
    assert len(set(seeds)) == len(seeds)
    first, again = study.trained["m001"], study.trained["m001-replicate"]
    assert first.model_copy(update={"seed": again.seed}) == again
    for model in study.trained.values():
        assert (model.image_tower, model.images, model.batch) == ("resnet", 64, 8)
    treated = [m for m in study.trained.values() if m.treatment == "orthogonality"]
    assert {0.5 <= m.strength <= 2.0 for m in treated} == {True}
    assert sum(m.treatment == "none" for n, m in study.trained.items() if n in points) == 4


def test_more_models_keep_those_there_are(write):
    file = write()
    few = load_study("tiny")
    assert keep_points(few) == [points_file(file)]
    assert keep_points(load_study("tiny")) == []
    file.write_text(file.read_text().replace("models: 8", "models: 20"))
    more = load_study("tiny")
    assert len(more.trained) == 20
    for name in few.trained:
        assert more.trained[name] == few.trained[name]


def test_points_are_those_of_the_file(write):
    file = write()
    keep_points(load_study("tiny"))
    beside = points_file(file)
    share = str(load_study("tiny").trained["m003"].share)
    beside.write_text(beside.read_text().replace(f"m003,{share}", "m003,0.7123"))
    assert load_study("tiny").trained["m003"].share == 0.7123


def test_points_of_other_factors_do_not_count(write):
    file = write()
    keep_points(load_study("tiny"))
    before = load_study("tiny").trained["m001"]
    file.write_text(file.read_text().replace("high: 20", "high: 30"))
    assert load_study("tiny").trained["m001"] != before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"models": 7},
            "design: models: 7 are too few for the 4 columns of the design; at least 8",
        ),
        ({"replicates": 9}, "design: replicates: 9 is more than the 8 models"),
        ({"revisions": ["a", "b", "c"]}, "design: revisions: 3 are listed, and 2 are allowed"),
        ({"factors": {"shares": {}}}, "design.factors: unknown key 'shares'; did you mean share?"),
        (
            {"factors": {"share": {"low": 0.9, "high": 0.5}}},
            "design.factors.share: low 0.9 is not below high 0.5; exchange them",
        ),
        (
            {"factors": {"set": {"levels": ["a", "b"]}}},
            "design.factors: unknown factor 'set'",
        ),
        (
            {"factors": {"image_tower": {"levels": ["resnet"]}}},
            "design.factors.image_tower: levels: a factor needs two or more, got 1",
        ),
        (
            {"factors": {"treatment": {"levels": ["none", "magic"]}}},
            "treatment.levels: unknown treatment 'magic'",
        ),
        (
            {"factors": {"share": {"low": 0.1, "high": 0.2}}},
            "share: 0.1",
        ),
    ],
)
def test_impossible_designs_are_refused_in_a_sentence(write, changes, message):
    write(**changes)
    with pytest.raises(StudyError) as refused:
        load_study("tiny")
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_listed_model_cannot_have_a_name_of_the_design(write):
    write(listed={"m001": {"share": 0.6}})
    with pytest.raises(StudyError, match=r"models\.m001: that is a name of design; use another"):
        load_study("tiny")
