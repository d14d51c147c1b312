import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cood.analysis.topics.training_dynamics import (
    arrival_steps,
    final_losses,
    lead,
    load_training_dynamics,
)
from cood.files import read_table, write_table
from tests.analysis.simulated import simulated_settings

STEPS = [0, 10, 20, 40, 80]


def table(values):
    """`values` by model and space, at `STEPS`."""
    rows = [
        (model, step, space, "m", value)
        for (model, space), line in values.items()
        for step, value in zip(STEPS, line, strict=True)
    ]
    return pd.DataFrame(rows, columns=["model", "step", "space", "metric", "value"])


def test_the_step_from_which_a_metric_stays():
    found = arrival_steps(
        table(
            {
                ("a", "image"): [0, 0, 0.5, 0.89, 1],
                ("a", "text"): [1, 0, 0.95, 0.5, 1],  # it falls back once more
                ("b", "image"): [0.2, 0.95, 0.93, 0.96, 1],
                ("b", "text"): [1, 0.9, 0.8, 0.7, 0.6],  # nothing is gained
            }
        ),
        "m",
    )
    assert found.loc["a"].to_dict() == {"image": 80, "text": 80}
    assert found.loc["b", "image"] == 10
    assert np.isnan(found.loc["b", "text"])


def test_what_is_there_before_training_counts_as_half_a_step():
    values = {("a", "image"): [0.95, 0.96, 0.97, 0.98, 1], ("a", "text"): [0, 1, 1, 1, 1]}
    values["a", "image"][1] = 0.0
    assert arrival_steps(table(values), "m").loc["a"].to_dict() == {"image": 20, "text": 10}
    values["a", "image"] = [1, 1, 1, 1, 1 + 1e-9]
    found = arrival_steps(table(values), "m")
    assert found.loc["a", "image"] == 80


def test_how_far_texts_are_ahead():
    steps = pd.DataFrame(
        {"image": [40.0, 80, 20, np.nan], "text": [10.0, 20, 20, 5]}, index=list("abcd")
    )
    families = pd.Series(list("xxyy"), index=list("abcd"))
    found = lead(steps, families)
    assert found.value == pytest.approx((2 + 2 + 0) / 3)
    assert (found.n, found.families) == (3, 2)
    # Without one family the mean is 0, without the other 2; one degree of freedom is left.
    reach = stats.t.ppf(0.975, 1) * np.sqrt(((4 / 3) ** 2 + (2 / 3) ** 2) / 2)
    assert (found.low, found.high) == pytest.approx((4 / 3 - reach, 4 / 3 + reach))


def test_no_interval_from_one_family():
    steps = pd.DataFrame({"image": [4.0], "text": [1.0]}, index=["a"])
    found = lead(steps, pd.Series({"a": "x"}))
    assert found.value == 2
    assert np.isnan([found.low, found.high]).all()
    missing = arrival_steps(table({("a", "image"): [0, 0, 0, 0, 1]}), "other")
    assert list(missing) == ["image", "text"]
    assert lead(missing, pd.Series(dtype=str)).n == 0


def test_final_losses_are_those_of_the_table_of_the_design(simulate):
    results = simulate(models=24, replicates=2)
    file = results.study.paths.design
    table = read_table(file).assign(loss=lambda t: np.arange(len(t), dtype=float))
    table.loc[3, "loss"] = np.nan  # it diverged
    write_table(table.iloc[::-1], file)
    losses = final_losses(results)
    assert losses.index.tolist() == results.models["model"].tolist()  # without replicates
    assert losses.dropna().tolist() == [i for i in range(24) if i != 3]
    assert losses.isna().sum() == 1


def test_models_that_repeat_a_point_of_the_design_are_left_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = simulated_settings(tmp_path, 24, "mini", replicates=2)
    for model in study.trained:
        rows = pd.DataFrame({"model": [model], "step": [0]})
        write_table(rows, study.paths.model_training_dynamics(model))
    assert load_training_dynamics(study)["model"].tolist() == list(study.trained)[:24]
