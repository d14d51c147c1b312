import numpy as np
import pandas as pd
import pytest

from cood.analysis.topics.interventions.effects import (
    agreement,
    effect,
    effects,
    load_interventions,
    rotation,
)
from cood.evaluation.common.score_table import INTERVENTIONS
from cood.evaluation.interventions.interventions import METRICS
from cood.files import write_table

MODELS = [f"m{i}" for i in range(12)]
FAMILIES = pd.Series([f"f{i // 2}" for i in range(12)], index=MODELS)
CELL = {"edit": "remove shared", "dose": 2.0, "side": "texts"}


def rows(value, spread=0.0, seed=0, half=0.02, models=MODELS, **where):
    """A row a model: `value` plus noise that its family shares, with an interval of its own."""
    rng = np.random.default_rng(seed)
    shared = dict(zip(FAMILIES.unique(), rng.normal(size=6) * spread, strict=True))
    fixed = {"set": "ao", **CELL, "space": "image", "metric": "pair_top1", "against": "control"}
    values = [value + shared[FAMILIES[model]] for model in models]
    table = pd.DataFrame({"model": models, "value": values, "note": ""}).assign(**fixed | where)
    return table.assign(low=table["value"] - half, high=table["value"] + half)


def test_the_mean_over_models_and_in_how_many_it_is_sure():
    table = rows(0.0)
    table["value"] = np.linspace(-0.03, 0.08, 12)
    table = table.assign(low=table["value"] - 0.021, high=table["value"] + 0.021)
    found = effect(table, FAMILIES, **CELL)
    assert found.value == pytest.approx(0.025)
    assert found.low < 0.025 < found.high
    assert (found.n, found.families, found.up, found.down) == (12, 6, 6, 1)
    assert str(found).startswith("+2.5 points [-1.4, +")
    assert str(found).endswith("n = 12 models in 6 families")


def test_an_edit_that_nobody_made():
    found = effect(rows(0.1), FAMILIES, edit="rotate", dose=0.0, side="both")
    assert found.n == 0
    assert str(found) == "not known"


def test_no_interval_from_one_family():
    found = effect(rows(0.1, models=MODELS[:2]), FAMILIES, **CELL)
    assert found.value == pytest.approx(0.1)
    assert np.isnan(found.low)
    assert str(found) == "+10.0 points, n = 2 models in 1 families"


def test_intervals_hold_a_planted_effect_about_as_often_as_they_say():
    tables = [rows(0.05, 0.03, seed=k, dose=float(k)) for k in range(200)]
    found = effects(pd.concat(tables), FAMILIES)
    assert len(found) == 200
    held = ((found["low"] < 0.05) & (found["high"] > 0.05)).mean()
    assert 0.91 < held < 0.99


def test_every_edit_at_once_is_each_alone_and_gaps_cost_the_model_only():
    table = pd.concat([rows(0.1, 0.02), rows(-0.2, 0.05, seed=4, metric="object_top1")])
    table.loc[(table["metric"] == "object_top1") & (table["model"] == "m3"), "value"] = np.nan
    found = effects(table, FAMILIES).set_index("metric")
    assert found["n"].to_dict() == {"pair_top1": 12, "object_top1": 11}
    for metric in found.index:
        alone = effect(table, FAMILIES, **CELL, metric=metric)
        assert found.loc[metric, ["value", "low", "high"]].tolist() == pytest.approx(
            [alone.value, alone.low, alone.high]
        )


def together(slope, metric="explicitness", space="text"):
    """Interventions of texts whose effect on accuracy is `slope` times that on one metric."""
    tables = []
    for k, size in enumerate((-0.3, -0.1, 0.1, 0.2, 0.4)):
        cell = {"edit": "additive", "dose": float(k)}
        tables.append(rows(slope * size, 0.001, seed=k, **cell))
        for name in METRICS:
            value = size if name == metric else 0.0
            tables.append(rows(value, 0.001, seed=9 + k, metric=name, space=space, **cell))
    return pd.concat(tables)


@pytest.mark.parametrize(("slope", "expected"), [(0.5, 1), (-0.5, -1)])
def test_metric_and_accuracy_that_move_together(slope, expected):
    found = agreement(together(slope), FAMILIES).set_index(["metric", "side"])
    row = found.loc[("explicitness", "texts")]
    assert row["value"] == pytest.approx(expected, abs=0.05)
    assert row["n"] == 12
    up, down = (3, 0) if expected > 0 else (0, 3)
    assert row[["raised", "raised_up", "raised_down"]].tolist() == [3, up, down]
    up, down = (0, 2) if expected > 0 else (2, 0)
    assert row[["lowered", "lowered_up", "lowered_down"]].tolist() == [2, up, down]


def test_less_of_what_is_entangled_counts_as_more_disentangled():
    table = together(0.5, metric="orthogonality")
    row = agreement(table, FAMILIES).set_index("metric").loc["orthogonality"]
    assert row["value"] == pytest.approx(-1, abs=0.05)
    assert row[["raised", "lowered"]].tolist() == [2, 3]


def test_edits_that_take_away_what_is_asked_for_are_no_test():
    table = together(0.5).assign(edit="remove attribute")
    assert agreement(table, FAMILIES).empty
    assert not agreement(table, FAMILIES, edits=["remove attribute"]).empty


def test_what_a_rotation_moves():
    turned = {"edit": "rotate", "dose": 0.0, "against": "unedited"}
    table = pd.concat(
        [
            rows(0.0, side="both", **turned),
            rows(-0.03, side="images", metric="dcimig", **turned),
            rows(0.5, metric="dcimig"),
        ]
    )
    largest, metrics = rotation(table)
    assert largest == 0
    assert metrics.to_dict() == {("image", "dcimig"): pytest.approx(0.03)}
    assert np.isnan(rotation(rows(0.1))[0])


def test_models_that_could_not_be_edited_are_left_out(project, parse):
    study = parse(interventions={})
    columns = list(INTERVENTIONS.columns)
    for model, note in (("few", ""), ("most", "no network")):
        part = rows(0.1, models=["m0"], note=note).assign(model=model).reindex(columns=columns)
        other = part.assign(set="other")
        write_table(pd.concat([part, other]), study.paths.model_interventions(model))
    table = load_interventions(study)
    assert table["model"].tolist() == ["few"]
    assert table["set"].tolist() == ["ao"]
