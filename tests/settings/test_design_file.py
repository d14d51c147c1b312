import subprocess
import sys

import pytest

from cood.errors import StudyError
from cood.settings.design import Design
from cood.settings.design_file import points_file, points_of, read_points, write_points

FACTORS = {
    "images": {"low": 100, "high": 800, "log": True},
    "steps": {"low": 10, "high": 100},
    "treatment": {"levels": ["none", "additivity"]},
    "strength": {"additivity": {"low": 0.1, "high": 3, "log": True}},
}
DEFAULTS = {"batch": 64, "learning_rate": 1e-3}


def design(models=12, seed=1, **factors):
    raw = {"models": models, "seed": seed, "factors": {**FACTORS, **factors}}
    return Design.model_validate(raw)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "tiny.design.csv"


@pytest.fixture
def points(file):
    drawn = points_of(design(), file, DEFAULTS)
    write_points(drawn, design(), file, DEFAULTS)
    return drawn


def test_the_file_lies_beside_the_study_file(tmp_path):
    assert points_file(tmp_path / "my.study.yaml") == tmp_path / "my.study.design.csv"


def test_points_are_drawn_where_there_is_no_file(file):
    drawn = points_of(design(), file, DEFAULTS)
    assert not file.exists()
    assert drawn == points_of(design(), None, DEFAULTS)
    assert len(drawn) == 12
    assert all(point["images"] <= 64 * point["steps"] for point in drawn)
    kinds = [type(value) for value in drawn[0].values()]
    assert kinds == [int, int, str, float]


def test_a_file_holds_points_exactly(file, points):
    assert read_points(design(), file, DEFAULTS) == points
    first, header, *rows = file.read_text().splitlines()
    assert first.startswith("# factors: ")
    assert header == "model,images,steps,treatment,strength"
    assert [row.split(",")[0] for row in rows[:2]] == ["m001", "m002"]


def test_a_file_is_taken_as_it_is(file, points):
    rewritten = file.read_text().replace(f"m001,{points[0]['images']},", "m001,123,")
    file.write_text(rewritten)
    assert points_of(design(), file, DEFAULTS)[0]["images"] == 123
    assert points_of(design(models=10), file, DEFAULTS)[1:] == points[1:10]


def test_more_models_keep_the_points_of_the_file(file, points):
    more = points_of(design(models=20), file, DEFAULTS)
    assert more[:12] == points
    assert len(more) == 20
    levels = [point["treatment"] for point in more]
    assert levels.count("none") == levels.count("additivity")


@pytest.mark.parametrize(
    "other",
    [
        (design(seed=2), DEFAULTS),
        (design(steps={"low": 10, "high": 101}), DEFAULTS),
        (design(skew={"low": 0, "high": 1}), DEFAULTS),
        (design(), {"batch": 32}),
    ],
    ids=["seed", "range", "factor", "batch"],
)
def test_points_of_another_design_do_not_count(file, points, other):
    assert read_points(other[0], file, other[1]) == []
    assert points_of(other[0], file, other[1]) != points


def test_settings_that_limit_nothing_do_not_matter(file, points):
    assert points_of(design(), file, {**DEFAULTS, "learning_rate": 2e-3}) == points
    few = Design.model_validate(
        {"models": 4, "seed": 1, "factors": {"skew": {"low": 0, "high": 1}}}
    )
    write_points(points_of(few), few, file)
    assert len(read_points(few, file, {"batch": 32, "images": 5, "steps": 1})) == 4


def test_steps_that_do_not_vary_limit_the_images():
    raw = {"models": 4, "seed": 1, "factors": {"images": FACTORS["images"]}}
    images = Design.model_validate(raw)
    assert len(points_of(images, None, {"batch": 8, "steps": 100})) == 4
    with pytest.raises(StudyError, match=r"^design\.factors: \d of 4 new points are infeasible"):
        points_of(images, None, {"batch": 8, "steps": 50})
    assert len(points_of(images, None, {"batch": 8})) == 4  # another check says that steps lack


def test_images_that_no_number_of_steps_shows_are_refused():
    with pytest.raises(StudyError, match=r"\(images <= batch \* steps, batch = 4\)$"):
        points_of(design(), None, {"batch": 4})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("strength\n", "power\n"), "its columns are model, .*, power, not model, .*, strength"),
        (("m002,", "m003,"), "line 4 is not that of model m002"),
        ((",additivity,", ",aditivity,"), "treatment 'aditivity' is none of its levels"),
        ((",none,0.0", ",none,0.5"), "strength '0.5' is not from 0 to 0"),
        ((",none,0.0", ",none,"), "could not convert string to float"),
        ((",none,0.0", ",none"), "is not that of model"),
    ],
)
def test_a_damaged_file_is_refused(file, points, change, reason):
    old, new = change
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(StudyError, match=rf"tiny\.design\.csv is damaged \(.*{reason}.*; restore"):
        points_of(design(), file, DEFAULTS)


def test_an_infeasible_point_is_refused(file, points):
    text = file.read_text().splitlines()
    text[2] = "m001,800,10,none,0.0"
    file.write_text("\n".join(text))
    with pytest.raises(StudyError, match=r"\(m001: more images than batch \* steps\); restore it"):
        points_of(design(), file, DEFAULTS)


def test_an_empty_file_is_refused(file):
    file.write_text("")
    with pytest.raises(StudyError, match="is damaged"):
        points_of(design(), file, DEFAULTS)


def test_reading_needs_nothing_that_is_slow_to_import(file, points):
    code = f"""
import sys
from pathlib import Path
from cood.settings.design import Design
from cood.settings.design_file import points_of
design = Design.model_validate({{"models": 12, "seed": 1, "factors": {FACTORS!r}}})
assert len(points_of(design, Path({str(file)!r}), {DEFAULTS!r})) == 12
slow = {{"scipy", "pandas", "torch", "sklearn"}} & set(sys.modules)
assert not slow, slow
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
