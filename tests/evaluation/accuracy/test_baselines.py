import numpy as np
import pytest

from cood.evaluation.accuracy import baselines
from cood.evaluation.accuracy.baselines import background_only, text_only
from cood.evaluation.common.score_table import check
from cood.synthesis.drawing.icon_sets import draw_compositions
from cood.synthesis.manifests import read_manifest
from cood.training_set import training_captions


def row(table, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_the_text_alone_is_at_chance(done):
    table = text_only(done, "ao")
    check(table)
    assert set(table["fitted_on"]) == {"few", "most"}
    assert set(table["note"]) == {"baseline"}
    assert table["seconds"].isna().all()
    for model in set(table["fitted_on"]):
        for metric, value in {
            "pair_top1": 1 / 20,
            "pair_top5": 5 / 20,
            "pair_class_mean": 1 / 20,
            "attribute_top1": 1 / 4,
            "object_top1": 1 / 5,
        }.items():
            found = row(table, fitted_on=model, metric=metric, category="all")
            # Each composition has as many images, so one fixed answer is right by chance.
            assert found["value"] == pytest.approx(value), metric
            assert found["chance"] == pytest.approx(value), metric
            assert found["n"] == 40


def test_the_text_alone_answers_with_what_captions_name_most(done):
    named = training_captions(done, done.models["few"]).query("names == 'pair'")
    most = named["captioned"].value_counts()
    best = done.words.attribute_of(most[most == most.max()].index)
    best = {done.words.attributes[i] for i in best}
    table = text_only(done, "ao").query("fitted_on == 'few' and metric == 'pair_top1'")
    values = table.set_index("category")["value"]
    right = values[values.index.isin(["color", "pattern", "material"]) & (values > 0)]
    category = {"red": "color", "blue": "color", "striped": "pattern", "brick": "material"}
    assert len(right) == 1
    assert right.index[0] in {category[a] for a in best}


def test_a_study_that_trains_nothing_has_no_text_baseline(copied, parse):
    study = parse(models={"c": {"checkpoint": "ViT-B-32/laion2b_e16"}})
    assert len(text_only(study, "ao")) == 0


def test_the_background_alone(done):
    table = background_only(done, "ao")
    check(table)
    assert table["metric"].tolist() == ["attribute_top1", "object_top1"]
    assert table["chance"].tolist() == [1 / 4, 1 / 5]
    assert table["n"].tolist() == [40, 40]
    assert (table["low"] <= table["value"]).all()
    assert (table["value"] <= table["high"]).all()
    assert table["value"].max() < 0.6
    assert table.equals(background_only(done, "ao"))


def test_a_background_that_tells_the_attribute_is_found(done, monkeypatch):
    # Backgrounds that depend on the attribute alone, as if the generator leaked.
    monkeypatch.setattr(baselines, "image_seed", lambda seed, c, k: (seed, c // 5))
    table = background_only(done, "ao")
    assert row(table, metric="attribute_top1")["value"] == 1
    # The attribute says nothing of the object.
    assert row(table, metric="object_top1")["value"] < 0.6


def test_copies_of_an_image_do_not_leak_across_folds(done, monkeypatch):
    # Backgrounds that depend on the composition alone: no other composition can tell the words.
    monkeypatch.setattr(baselines, "image_seed", lambda seed, c, k: (seed, c))
    assert background_only(done, "ao")["value"].max() < 0.6


@pytest.mark.parametrize(("attributes", "objects"), [(2, 2), (2, 8), (4, 5)])
def test_small_vocabularies(project, parse, settings, attributes, objects):
    names = ["apple", "hat", "dog", "bus", "umbrella", "hammer", "guitar", "envelope"]
    study = parse(
        vocabulary={
            "attributes": settings["vocabulary"]["attributes"][:attributes],
            "objects": names[:objects],
        },
        models={"c": {"checkpoint": "ViT-B-32/laion2b_e16"}},
        sets={"ao": {"source": "icons", "images_per_composition": 1, "size": 32}},
    )
    draw_compositions(study, "ao")
    table = background_only(study, "ao")
    assert np.isfinite(table["value"]).all()
    assert len(read_manifest(study, "ao")) == attributes * objects
