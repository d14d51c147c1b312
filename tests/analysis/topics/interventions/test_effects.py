import numpy as np
import pandas as pd
import pytest

from cood.analysis.topics.interventions.effects import (
    BOTH_WAYS,
    FELL,
    NEITHER,
    NOT_MORE,
    ROSE,
    agreement,
    count_edits,
    effects,
    load_interventions,
    rotation,
)
from cood.evaluation.common.score_table import INTERVENTIONS
from cood.evaluation.interventions.interventions import METRICS
from cood.files import write_table
from tests.analysis.simulated import simulated_settings

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


def test_the_mean_over_models_and_the_number_of_significant_models():
    table = rows(0.0)
    table["value"] = np.linspace(-0.03, 0.08, 12)
    table = table.assign(low=table["value"] - 0.021, high=table["value"] + 0.021)
    found = effects(table, FAMILIES).iloc[0]
    assert found.value == pytest.approx(0.025)
    assert found.low < 0.025 < found.high
    assert (found.n, found.families, found.up, found.down) == (12, 6, 6, 1)


def test_an_edit_without_a_number_has_no_estimate():
    found = effects(rows(np.nan), FAMILIES).iloc[0]
    assert found["n"] == 0
    assert np.isnan(found["value"])


def test_no_interval_from_one_family():
    found = effects(rows(0.1, models=MODELS[:2]), FAMILIES).iloc[0]
    assert found.value == pytest.approx(0.1)
    assert np.isnan(found.low)
    assert (found.n, found.families) == (2, 1)


def test_intervals_of_a_planted_effect_have_about_their_nominal_coverage():
    tables = [rows(0.05, 0.03, seed=k, dose=float(k)) for k in range(200)]
    found = effects(pd.concat(tables), FAMILIES)
    assert len(found) == 200
    held = ((found["low"] < 0.05) & (found["high"] > 0.05)).mean()
    assert 0.91 < held < 0.99


def test_each_edit_is_independent_of_the_others_and_of_missing_values():
    table = pd.concat([rows(0.1, 0.02), rows(-0.2, 0.05, seed=4, metric="object_top1")])
    table.loc[(table["metric"] == "object_top1") & (table["model"] == "m3"), "value"] = np.nan
    found = effects(table, FAMILIES).set_index("metric")
    assert found["n"].to_dict() == {"pair_top1": 12, "object_top1": 11}
    for metric in found.index:
        alone = effects(table[table["metric"] == metric], FAMILIES).iloc[0]
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


def test_less_of_what_is_entangled_is_more_disentangled():
    table = together(0.5, metric="orthogonality")
    row = agreement(table, FAMILIES).set_index("metric").loc["orthogonality"]
    assert row["value"] == pytest.approx(-1, abs=0.05)
    counted = count_edits(effects(table, FAMILIES)).iloc[0]
    assert counted[["doses", "more", "up", "down"]].tolist() == [5, 2, 0, 2]
    assert counted["accuracy"] == FELL


@pytest.mark.parametrize(("slope", "way"), [(0.5, ROSE), (-0.5, FELL), (0.0, NEITHER)])
def test_an_edit_is_counted_once_for_all_its_doses(slope, way):
    counted = count_edits(effects(together(slope), FAMILIES))
    assert counted[["edit", "side", "doses", "more"]].to_numpy().tolist() == [
        ["additive", "texts", 5, 3]
    ]
    assert counted["accuracy"].tolist() == [way]


def test_edits_that_go_both_ways_or_never_disentangle():
    table = together(0.5)
    turned = (table["dose"] == 4.0) & (table["metric"] == "pair_top1")
    table.loc[turned, ["value", "low", "high"]] *= -1
    (row,) = count_edits(effects(table, FAMILIES)).itertuples()
    assert (row.up, row.down, row.accuracy) == (2, 1, BOTH_WAYS)
    never = together(0.5)
    never.loc[never["metric"] == "explicitness", ["value", "low", "high"]] = -0.1
    assert count_edits(effects(never, FAMILIES))["accuracy"].tolist() == [NOT_MORE]


def test_changes_as_a_share_of_the_accuracy_before():
    before = rows(0.4, edit="none", dose=0.0, side="both", against="")
    before["value"] = np.linspace(0.1, 0.7, 12)
    after = rows(0.0, against="unedited")
    after["value"] = -0.25 * before["value"]
    metric = rows(0.2, against="unedited", metric="dcimig")
    found = effects(pd.concat([before, after, metric]), FAMILIES).set_index(["metric", "against"])
    row = found.loc[("pair_top1", "unedited")]
    assert row[["relative", "relative_low", "relative_high"]].tolist() == pytest.approx([-0.25] * 3)
    noisy = after.assign(value=after["value"] + np.tile([0.01, -0.01], 6))
    row = effects(pd.concat([before, noisy]), FAMILIES).iloc[1]
    assert row["relative_low"] < -0.25 < row["relative_high"]
    assert found.loc[("pair_top1", ""), "relative"] != found.loc[("pair_top1", ""), "relative"]
    assert np.isnan(found.loc[("dcimig", "unedited"), "relative"])
    assert np.isnan(effects(after, FAMILIES)["relative"].iloc[0])


def test_edits_that_remove_the_measured_information_are_excluded():
    table = together(0.5).assign(edit="remove attribute")
    assert agreement(table, FAMILIES).empty
    assert not agreement(table, FAMILIES, edits=["remove attribute"]).empty
    pooled = effects(table, FAMILIES)
    assert count_edits(pooled).empty
    assert len(count_edits(pooled, edits=["remove attribute"])) == 1


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


def test_models_without_edits_are_left_out(project, parse):
    study = parse(interventions={})
    columns = list(INTERVENTIONS.columns)
    for model, note in (("few", ""), ("most", "no network")):
        part = rows(0.1, models=["m0"], note=note).assign(model=model).reindex(columns=columns)
        other = part.assign(set="other")
        write_table(pd.concat([part, other]), study.paths.model_interventions(model))
    table = load_interventions(study)
    assert table["model"].tolist() == ["few"]
    assert table["set"].tolist() == ["ao"]


def test_models_that_repeat_a_point_of_the_design_are_left_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = simulated_settings(tmp_path, 24, "mini", replicates=2)
    assert len(study.models) == 26
    part = rows(0.1, models=["m0"], note="").reindex(columns=list(INTERVENTIONS.columns))
    for model in study.models:
        write_table(part.assign(model=model), study.paths.model_interventions(model))
    assert len(load_interventions(study)) == 24
