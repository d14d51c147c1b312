from math import isnan, nan

import pandas as pd
import pytest

from cood.analysis.in_distribution import (
    AUTHORS,
    OPENCLIP_TABLE,
    difference_of_publishers,
    in_distribution,
    sources,
)
from cood.analysis.results import Results
from cood.analysis.stats.regression import effective_robustness
from cood.catalogue.checkpoints import published
from cood.catalogue.published_accuracy.openclip import imagenet_accuracy
from cood.errors import StudyError
from cood.evaluation.common.score_table import complete

CHECKPOINTS = {f"m{i}": {"checkpoint": f"local-dir:{i}"} for i in range(3)}


def results(study, splits=("unseen",), published=(nan, nan, nan)):
    rows = [
        {"model": m, "set": "ao", "split": s, "metric": "pair_top1", "value": 0.25}
        for m in study.models
        for s in splits
    ]
    rows += [
        {"model": m, "set": s, "split": "id", "metric": f"id_top{k}", "value": k / 10}
        for m in study.models
        for s in study.id_sets
        for k in (1, 5)
    ]
    scores = complete(rows, space="image", category="all", labels="all", chance=0.1, n=9)
    models = pd.DataFrame({"model": list(study.models)})
    return Results(study, scores, models.assign(published_id=published[: len(models)]))


def test_an_id_set_comes_first(parse):
    study = parse(models=CHECKPOINTS, id_sets={"val": {"folder": "val"}})
    found = results(study, published=(0.5, 0.6, nan))
    assert sources(found) == ["val", "published"]  # OpenCLIP lists no folder
    one = in_distribution(found, "first", "pair_top1")
    assert one.label == "ID accuracy (val, top-1)"
    assert set(one.values["value"]) == {0.1}
    assert set(in_distribution(found, "val", "pair_top5").values["value"]) == {0.5}


def test_published_figures_are_marked(parse):
    found = results(parse(models=CHECKPOINTS), published=(0.5, 0.6, nan))
    one = in_distribution(found, "first", "pair_top1")
    assert one.label == "ID accuracy (ImageNet, published)"
    assert "published" in one.meaning
    assert one.values["value"].tolist()[:2] == [0.5, 0.6]
    assert isnan(one.values["value"].iloc[2])
    assert one.values["low"].isna().all()


LISTED = {
    "both": {"checkpoint": "RN50-quickgelu/openai"},
    "new": {"checkpoint": "ViT-B-16-SigLIP/webli"},
    "own": {"checkpoint": "local-dir:1"},
}


def test_openclip_fills_what_the_authors_lack_and_is_named(parse):
    found = results(parse(models=LISTED), published=(0.56928, nan, nan))
    assert sources(found) == ["published", "openclip"]
    one = in_distribution(found, "first", "pair_top1")
    assert one.published_by.to_dict() == {"both": AUTHORS, "new": OPENCLIP_TABLE, "own": ""}
    assert one.values["value"].tolist()[:2] == [0.56928, 0.7604]
    assert isnan(one.values.loc["own", "value"])
    assert "or OpenCLIP where they did not (new; on the 57 checkpoints with both" in one.meaning
    apart, n = difference_of_publishers()
    assert n == 57
    assert f"{100 * apart:.1f} points higher" in one.meaning
    alone = in_distribution(found, "openclip", "pair_top1")
    assert alone.values["value"].tolist()[:2] == [0.5982, 0.7604]
    assert alone.label == "ID accuracy (ImageNet, OpenCLIP)"
    assert alone.published_by.to_dict() == {
        "both": OPENCLIP_TABLE,
        "new": OPENCLIP_TABLE,
        "own": "",
    }


def test_a_study_whose_checkpoints_the_authors_did_not_test(parse):
    found = results(parse(models={"new": LISTED["new"]}), published=(nan,))
    assert sources(found) == ["published"]
    one = in_distribution(found, "first", "pair_top1")
    assert one.values["value"].tolist() == [0.7604]
    assert one.meaning == ("on ImageNet (top-1) that OpenCLIP published; it was not computed here")


def test_the_mean_difference_of_publishers():
    authors, openclip = published(), imagenet_accuracy()
    values = [openclip[name] - authors[name] for name in authors]
    assert difference_of_publishers() == (pytest.approx(sum(values) / 57), 57)
    assert 0.02 < sum(values) / 57 < 0.04


def test_models_trained_here_have_their_own_splits(parse):
    found = results(parse(), splits=("unseen", "seen", "core"))
    assert sources(found) == ["seen"]
    assert in_distribution(found, "first", "pair_top1").label == "ID accuracy (seen)"
    for split in ("unseen", "core"):
        with pytest.raises(StudyError, match=f"unknown source of ID accuracy '{split}'"):
            in_distribution(found, split, "pair_top1")


def test_a_study_without_id_accuracy(parse):
    found = results(parse(models=CHECKPOINTS))
    assert sources(found) == []
    one = in_distribution(found, "first", "pair_top1")
    assert one.name == "unknown"
    assert one.values["value"].isna().all()
    residual, line = effective_robustness(one.values["value"], one.values["value"])
    assert residual.isna().all()
    assert all(map(isnan, line))
    with pytest.raises(StudyError, match="unknown source of ID accuracy 'seen'"):
        in_distribution(found, "seen", "pair_top1")


def test_no_line_through_equal_models():
    same = pd.Series(0.5, index=["a", "b", "c"])
    residual, line = effective_robustness(same, pd.Series([0.1, 0.2, 0.3], index=same.index))
    assert residual.isna().all()
    assert all(map(isnan, line))
