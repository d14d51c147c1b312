import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from cood.analysis.results import Results
from cood.analysis.topics.accuracy import about_image_encoders, image_encoder_table, language_gap
from cood.evaluation.common.score_table import complete
from cood.files import write_table
from cood.report.topics.accuracy import (
    describe_language_gap,
    describe_limits,
    summarise_language_gap,
)


def zoo(step, seed=0, clips=8, towers=5, noise=0.05):
    """Towers on a line between logits, the CLIPs `step` above it."""
    rng = np.random.default_rng(seed)
    inside = rng.uniform(0.3, 0.8, clips + towers)
    language = np.arange(len(inside)) < clips
    outside = -0.7 + 0.9 * logit(inside) + step * language + noise * rng.normal(size=len(inside))
    return pd.DataFrame(
        {
            "model": [f"m{i}" for i in range(len(inside))],
            "trained_on": np.where(language, "CLIP", "images alone"),
            "family": [f"f{i}" for i in range(len(inside))],
            "ID": inside,
            **dict.fromkeys(("C-OoD", "C-OoD low", "C-OoD high"), expit(outside)),
        }
    )


@pytest.mark.parametrize("step", [-0.5, 0.0, 0.8])
def test_a_planted_step_is_found(step):
    table = zoo(step, noise=1e-6)
    gap = language_gap(table)
    middle = expit(-0.7 + 0.9 * logit(table["ID"]).mean())
    expected = expit(logit(middle) + step) - middle
    assert gap.value == pytest.approx(expected, abs=1e-4)
    assert gap.low <= gap.value <= gap.high
    assert (gap.clips, gap.image_encoders, gap.clip_families, gap.image_encoder_families) == (
        8,
        5,
        8,
        5,
    )
    assert str(gap).endswith("8 CLIPs (8 families) and 5 image-only encoders (5 families)")


def test_without_a_step_the_interval_misses_0_at_its_rate():
    gaps = [language_gap(zoo(0.0, seed, noise=0.3)) for seed in range(100)]
    misses = [gap.low > 0 or gap.high < 0 for gap in gaps]
    assert misses == [gap.log_odds.p < 0.05 for gap in gaps]
    assert np.mean(misses) == pytest.approx(0.05, abs=0.045)


def test_untrained_encoders_and_those_trained_on_a_clip_are_excluded():
    table = zoo(0.5)
    others = table.iloc[:4].assign(
        trained_on=["nothing", "nothing", "CLIP, labels", "CLIP, labels"]
    )
    others["C-OoD"] = 0.99
    assert language_gap(pd.concat([table, others], ignore_index=True)) == language_gap(table)


def test_encoders_saved_from_one_run_all_count_but_are_one_family():
    rng = np.random.default_rng(1)
    covered = []
    for seed in range(60):
        table = zoo(0.5, seed, clips=20, towers=6, noise=0.2)
        # Each run of an image-only encoder is saved four times, with its own error in common.
        runs = np.where(table["trained_on"] == "CLIP", 1, 4)
        saved = table.loc[table.index.repeat(runs)].reset_index(drop=True)
        moved = logit(saved["ID"]) + rng.normal(0, 0.3, len(saved))
        step = 0.9 * (moved - logit(saved["ID"]))
        saved = saved.assign(**{"ID": expit(moved), "C-OoD": expit(logit(saved["C-OoD"]) + step)})
        gap = language_gap(saved)
        assert (gap.image_encoders, gap.image_encoder_families) == (24, 6)
        assert gap.log_odds.families == 26
        covered.append(gap.log_odds.low <= 0.5 <= gap.log_odds.high)
    assert 0.85 <= np.mean(covered) <= 0.999


def test_two_runs_far_apart_make_the_interval_wide():
    table = zoo(0.8, clips=20, towers=2, noise=0.05)
    runs = table["trained_on"] != "CLIP"
    apart = table["C-OoD"].where(
        ~runs, expit(logit(table["C-OoD"]) + np.where(table["model"] == "m20", 1, -1))
    )
    near, far = (
        language_gap(table).log_odds,
        language_gap(table.assign(**{"C-OoD": apart})).log_odds,
    )
    assert near.p < 0.05 < far.p
    assert far.high - far.low > 5 * (near.high - near.low)


def test_too_few_families_give_no_number():
    for table in (zoo(0.5, towers=1), zoo(0.5, clips=1), zoo(0.5).assign(ID=0.5), zoo(0.5)[:0]):
        gap = language_gap(table)
        assert np.isnan([gap.value, gap.low, gap.high, gap.log_odds.p]).all()
        assert "not estimable: " in str(gap)


def test_a_comparison_without_overlap_decides_nothing():
    table = zoo(0.5)
    said = describe_language_gap(table, language_gap(table))
    assert "decides nothing" not in said
    assert "contains 0" not in said
    best = table.loc[table["C-OoD"].idxmax()]
    assert f"on the core: CLIP {100 * best['C-OoD']:.1f} % [" in said
    assert f"({best['model']}), images alone" in said
    apart = table.assign(ID=table["ID"] / np.where(table["trained_on"] == "CLIP", 100, 1))
    gap = language_gap(apart)
    assert gap.inside == 0
    assert "decides nothing" in describe_language_gap(apart, gap)


def test_an_interval_with_0_is_said_to_show_no_difference():
    table = zoo(0.0, seed=2)
    gap = language_gap(table)
    assert gap.low < 0 < gap.high
    assert "The interval contains 0" in describe_language_gap(table, gap)
    assert str(gap) in summarise_language_gap(table, gap)
    assert summarise_language_gap(table[:0], gap) == ""


@pytest.fixture
def results(project, parse):
    """Two CLIPs, an encoder and a missing one, with made-up scores."""
    study = parse(
        image_encoders={"raw": {"untrained": "resnet"}, "gone": {"encoder": "local-dir:x"}}
    )
    towers = pd.DataFrame(
        {
            "model": ["raw", "gone"],
            "missing": ["", "no <network>"],
            "learns": ["nothing", "not known"],
            "family": ["untrained", "other"],
        }
    )
    write_table(towers, study.paths.image_encoders)
    rows = []
    for i, model in enumerate(["few", "most", "raw"]):
        for k, (method, split, labels) in enumerate(
            [
                ("linear_probe", "probe", "all"),
                ("linear_probe", "held out", "all"),
                ("linear_probe", "held out", "own"),
                ("zero_shot", "held out", "all"),
            ]
        ):
            if method == "linear_probe" or model != "raw":
                value = (10 * i + k) / 100
                row = {"model": model, "method": method, "split": split, "labels": labels}
                rows.append(row | {"value": value, "low": value, "high": value})
    fixed = {"set": "ao", "category": "all", "metric": "pair_top1", "chance": 0.05, "n": 8}
    models = pd.DataFrame({"model": ["few", "most"], "family": ["40 %", "80 %"]})
    return Results(study, complete(rows, **fixed), models)


def test_the_table_has_a_row_for_each_encoder_that_could_be_loaded(results):
    table = image_encoder_table(results).set_index("model")
    assert table["trained_on"].to_dict() == {"few": "CLIP", "most": "CLIP", "raw": "nothing"}
    assert table["ID"].to_list() == [0.0, 0.1, 0.2]
    assert table["C-OoD"].to_list() == [0.01, 0.11, 0.21]
    assert table["zero-shot C-OoD"].to_list()[:2] == [0.03, 0.13]
    assert np.isnan(table.loc["raw", "zero-shot C-OoD"])
    assert table["n"].to_list() == [8] * 3
    assert image_encoder_table(results, labels="own")["C-OoD"].to_list() == [0.02, 0.12, 0.22]
    said = about_image_encoders(results)
    assert said.startswith("The image-only encoders were trained on nothing (raw); not known")
    assert said.endswith("could not be loaded: gone (no <network>).")


def test_the_encoders_of_a_run_are_told_once(results, parse):
    recipe = {"image_tower": "resnet", "share": 0.6, "images": 64, "steps": 8, "batch": 8}
    study = parse(image_encoders={"run": {"objective": "labels", **recipe}})
    names = list(study.embedded_image_encoders)
    table = pd.DataFrame({"model": [*names, "raw"], "run": [*["run"] * 4, None], "missing": ""})
    table["learns"] = [*["labels"] * 4, "nothing"]
    write_table(table, study.paths.image_encoders)
    assert about_image_encoders(Results(study, results.scores, results.models)) == (
        "The image-only encoders were trained on labels (run); nothing (raw). Each run of training "
        "is saved at an eighth, a quarter, a half and the whole of its steps, as an encoder each."
    )


def test_what_the_comparison_cannot_show(results):
    table = image_encoder_table(results)
    assert "Published image-only encoders also differ" in describe_limits(results.study, table)
    assert "drawings" not in describe_limits(results.study, table)


def test_a_study_without_image_only_encoders(results, parse):
    bare = Results(parse(), results.scores, results.models)
    table = image_encoder_table(bare)
    assert table.empty
    assert "has no image-only encoder" in about_image_encoders(bare)
    text = describe_language_gap(table, language_gap(table))
    assert text == "Without image-only encoders there is no comparison."
    assert describe_limits(bare.study, table) == ""
