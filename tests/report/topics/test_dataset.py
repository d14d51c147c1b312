from math import nan

import pandas as pd
import pytest

from cood.files import write_table
from cood.report.topics.dataset import (
    composition_counts,
    composition_notes,
    describe_draws,
    describe_images,
    describe_kept,
    describe_map,
    describe_outcomes,
    describe_seen,
    describe_shortcuts,
    describe_study,
    describe_verification,
    image_outcomes,
    verification_funnel,
)
from cood.splits import core, times_seen


def test_outcomes_of_images_are_counted_by_reason():
    status = ["kept"] * 3 + ["damaged: <b> 1", "damaged: x", "empty file"]
    table = image_outcomes(pd.DataFrame({"status": status}))
    assert describe_outcomes(table) == (
        "Of 6 images, 3 were kept. Dropped: damaged (2), empty file (1)."
    )
    all_kept = image_outcomes(pd.DataFrame({"status": ["kept"] * 1200}))
    assert describe_outcomes(all_kept) == "All 1,200 images were kept."


def test_notes_of_kept_images_are_counted_by_kind():
    table = pd.DataFrame(
        {
            "status": ["kept", "kept", "kept", "no attribute"],
            "note": ["turned", "turned; label cut off: read as 'x'", "", "turned"],
        }
    )
    assert describe_kept(table) == (
        "Of 4 images, 3 were kept. Dropped: no attribute (1). "
        "Noted of kept images: turned (2), label cut off (1)."
    )
    assert "Noted" not in describe_kept(table.assign(note=""))
    assert "Noted" not in describe_kept(table.drop(columns="note"))


def test_compositions_are_counted_by_category(parse):
    study = parse(
        vocabulary={
            "attributes": ["red", "striped", "blue", "brick"],
            "objects": ["apple", "hat", "dog", "bus", "umbrella"],
        }
    )
    manifest = pd.DataFrame({"attribute": ["red", "blue", "blue", "brick"]})
    table = composition_counts(study, manifest).set_index("category")
    assert list(table.index) == ["color", "pattern", "material"]
    assert table.loc["color", "attributes"] == "red, blue"
    assert table["compositions"].tolist() == [10, 5, 5]
    assert table["images"].tolist() == [3, 0, 1]
    left_out, times = core(study), times_seen(study)
    for category, ids in (("color", [*range(5), *range(10, 15)]), ("pattern", range(5, 10))):
        row = table.loc[category]
        inside = set(ids) & set(left_out)
        assert row["in the core"] == len(inside)
        mean = sum(times[i] for i in ids) / (len(ids) - len(inside))
        assert row["models that see one outside the core, mean"] == round(mean, 1)


def test_without_a_trained_model_nothing_is_said_of_training(parse):
    study = parse(models={"p": {"checkpoint": "ViT-B-32-quickgelu/openai"}})
    table = composition_counts(study, pd.DataFrame({"attribute": ["red"]}))
    assert list(table.columns) == ["category", "attributes", "compositions", "images"]


def test_a_study_says_which_models_it_trains(parse):
    assert "Here every model is a small CLIP trained from scratch" in describe_study(parse())
    published = {"p": {"checkpoint": "ViT-B-32-quickgelu/openai"}}
    assert describe_study(parse(models=published)).startswith(
        "The study tests models that were trained elsew"
    )


def test_a_study_says_how_many_compositions_its_models_see(parse):
    text = describe_seen(parse(models={"a": {"share": 0.7}, "b": {"share": 1.0, "seed": 1}}))
    assert text.startswith("4 of the compositions, the core, are in no training set.")
    assert text.endswith("from the other 16: 11 to 16 of them.")
    assert describe_seen(parse(models={"a": {"share": 1.0}})).endswith("other 16: 16 of them.")
    published = {"p": {"checkpoint": "ViT-B-32-quickgelu/openai"}}
    assert describe_seen(parse(models=published)).endswith(
        "all compositions count as unseen by decree."
    )


def test_what_is_said_of_the_images_fits_their_source(parse):
    assert "Only the object is painted" in describe_images(parse(), "ao")
    models = {"p": {"checkpoint": "ViT-B-32-quickgelu/openai"}}
    own = parse(sets={"own": {"source": "folder", "folder": "x"}}, models=models)
    assert describe_images(own, "own") == "Each image shows one object with one attribute."


def test_an_enlarged_picture_says_how_many_models_know_its_composition(parse):
    study = parse()
    notes, times = composition_notes(study), times_seen(study)
    assert len(notes) == study.words.size
    for composition in core(study):
        assert notes[composition] == "in the core: in no training data"
    other = next(k for k in range(study.words.size) if k not in core(study))
    assert notes[other] == f"in the training data of {times[other]} of {len(study.trained)} models"
    published = parse(models={"p": {"checkpoint": "ViT-B-32-quickgelu/openai"}})
    assert composition_notes(published) == []
    assert describe_draws(published) == ""
    assert describe_map(published) == "their number of images"
    assert describe_map(study).endswith(f"{len(core(study))} are in the core")


def test_shortcuts_are_listed_with_chance():
    rows = [("text only", "pair", "1 %", "2 %"), ("background only", "object", "5 %", "4 %")]
    table = pd.DataFrame(rows, columns=["baseline", "accuracy of", "accuracy", "chance"])
    assert describe_shortcuts(table) == (
        "Accuracy without seeing the object: pairs from the training captions only 1 % (chance "
        "2 %); objects from the background only 5 % (chance 4 %)."
    )
    assert describe_shortcuts(table[:0]) == ""


def test_the_verification_of_a_set_is_described(parse, project):
    study = parse(verification={"model": "org/vlm", "sets": ["ao"], "clip": "few"})
    table = pd.DataFrame(
        {
            "status": ["kept", "object not seen", "attribute not seen", "kept", "duplicate"],
            "composition": [0, 1, 2, 0, -1],
            "object_yes": [0.9, 0.1, 0.9, 0.8, nan],
            "attribute_yes": [0.9, 0.9, 0.2, 0.8, nan],
            "object_mass": 0.5,
            "attribute_mass": 0.25,
            "clip": [0.3, 0.2, 0.25, 0.22, nan],
        }
    )
    write_table(table, study.paths.verified("ao"))
    steps = verification_funnel(study, "ao")
    assert steps["images"].tolist() == [5, 4, 4, 3, 2]
    assert steps["compositions"].tolist() == [3, 3, 3, 2, 1]
    assert steps["share"].tolist() == pytest.approx([1, 0.8, 1, 0.75, 2 / 3])
    text = describe_verification(study, "ao").data
    assert "by `org/vlm`: an image is kept if its probability of yes is at least 50" in text
    assert "yes and no together had 25" in text
    assert "In 75.0 % of the pairs of a kept and a dropped image" in text
    assert "similar to its text by `few`" in text
