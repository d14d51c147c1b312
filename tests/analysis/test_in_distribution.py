from math import isnan, nan

import pandas as pd
import pytest

from cood.analysis.in_distribution import in_distribution, sources
from cood.analysis.results import Results
from cood.analysis.stats.regression import effective_robustness
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
    assert sources(found) == ["val", "published"]
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
