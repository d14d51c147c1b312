import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import logit

from cood.analysis.topics.published import accuracy_table
from cood.errors import CoodError

TABLE = accuracy_table.published_table()
MODELS = accuracy_table.working(TABLE)
LINE = accuracy_table.line(MODELS)


def test_what_is_removed_and_why():
    assert len(TABLE) == 68
    removed = TABLE[TABLE["removed"] != ""].set_index("model")["removed"]
    same = "same weights and same figures as "
    assert removed.to_dict() == {
        "RN50-quickgelu_openai": f"{same}RN50_openai",
        "RN101-quickgelu_openai": f"{same}RN101_openai",
        "ViT-B-32-quickgelu_openai": f"{same}ViT-B-32_openai",
        "ViT-B-32_commonpool_s_image_s13m_b4k": f"{same}ViT-B-32_datacomp_s_s13m_b4k",
        "coca_ViT-B-32_mscoco_finetuned_laion2b_s13b_b90k": (
            "broken: 0.8 % right on ImageNet (published.csv)"
        ),
    }
    figures = TABLE.set_index("model")[list(accuracy_table.COLUMNS.values())]
    for model, why in removed.items():
        if same in why:
            assert (figures.loc[model] == figures.loc[why.removeprefix(same)]).all()
    kept = figures.loc[MODELS["model"]]
    assert len(kept) == 63
    assert not kept.duplicated().any()


def test_stricter_choices_leave_fewer_models():
    right = accuracy_table.working(TABLE, "right")
    assert sorted(set(MODELS["model"]) - set(right["model"])) == [
        "RN101_yfcc15m",
        "RN50_cc12m",
        "RN50_yfcc15m",
        "ViT-B-32_laion400m_e31",
        "ViT-B-32_laion400m_e32",
    ]
    apart = accuracy_table.working(TABLE, "apart")
    assert set(right["model"]) - set(apart["model"]) == {
        f"{tower}_laion400m_e31"
        for tower in ("ViT-B-32-quickgelu", "ViT-B-16", "ViT-B-16-plus-240", "ViT-L-14")
    }
    assert apart["model"].str.endswith("_e32").sum() == 4
    with pytest.raises(CoodError, match="unknown choice of loads 'all'"):
        accuracy_table.working(TABLE, "all")


def test_the_facts_about_every_model():
    named = MODELS[["family", "set", "pool"]]
    assert (named != "").all(axis=None)
    assert MODELS["parameters"].notna().all()
    row = MODELS.loc["ViT-L-14_datacomp_xl_s13b_b90k"]
    assert row[["family", "set", "pool", "scale", "filter"]].tolist() == [
        "DataComp",
        "DataComp-XL",
        "CommonPool-XL",
        "XL",
        "DataComp",
    ]
    assert row["pairs"] == 1.4e9
    assert MODELS.loc["ViT-B-32_commonpool_m_s128m_b4k", "filter"] == "none"
    assert MODELS.loc["ViT-H-14_laion2b_s32b_b79k", ["set", "pool", "scale"]].tolist() == [
        "LAION-2B",
        "LAION-5B",
        "",
    ]
    assert MODELS["pool"].nunique() == 9


def test_figures_that_were_derived_before_from_the_same_table():
    # Rounded to two or three digits, computed apart from this package.
    plain, logits = accuracy_table.associations(MODELS, 0)
    assert plain.pearson.value == pytest.approx(0.984, abs=5e-4)
    assert plain.spearman.value == pytest.approx(0.974, abs=5e-4)
    assert logits.pearson.value == pytest.approx(0.987, abs=5e-4)
    assert LINE.slope.value == pytest.approx(1.05, abs=5e-3)
    assert LINE.intercept.value == pytest.approx(-0.23, abs=5e-3)
    # Those two are of all 68 rows: of these models, they are 0.91 and 0.93.
    best, _ = accuracy_table.associations(TABLE[TABLE["id"] > 0.5], 0)
    assert best.pearson.value == pytest.approx(0.89, abs=5e-3)
    assert best.spearman.value == pytest.approx(0.92, abs=5e-3)
    found = accuracy_table.by_set(MODELS, LINE).set_index("set")["residual"]
    derived = {
        "YFCC15M": -0.63,
        "OpenAI": -0.17,
        "DataComp-XL": -0.12,
        "LAION-2B": 0.02,
        "CC12M": 0.08,
        "LAION-400M": 0.10,
        "CommonPool-L": 0.18,
        "CommonPool-M": 0.21,
    }
    assert found[list(derived)].to_dict() == pytest.approx(derived, abs=6e-3)


def test_intervals_are_over_pools_of_data():
    plain, _ = accuracy_table.associations(MODELS, 0)
    assert (plain.n, plain.families, LINE.families) == (63, 9, 9)
    one_each = MODELS.groupby("pool")[["id", "ood"]].mean()
    assert plain.pearson.low < stats.pearsonr(one_each["id"], one_each["ood"]).statistic < 1


def test_top_five_is_another_column():
    found = accuracy_table.line(accuracy_table.working(TABLE, top=5))
    expected = stats.linregress(logit(MODELS["id_top5"]), logit(MODELS["ood_top5"]))
    assert found.slope.value == pytest.approx(expected.slope)
    with pytest.raises(CoodError, match="top-1 and top-5 accuracy, not top-3"):
        accuracy_table.working(TABLE, top=3)


def test_choices_of_rows_and_accuracies():
    found = accuracy_table.selections(TABLE, "right", 0.5, 1)
    assert [len(models) for models in found.values()] == [58, 63, 54, 40, 58, 58]
    beyond = found["accuracy beyond chance"].loc["ViT-B-32_commonpool_s_s13m_b4k"]
    assert beyond["ood"] == pytest.approx((0.016749110474702768 - 1 / 889) / (1 - 1 / 889))
    five = found["top-5 accuracy"]
    assert (five["id"] == five["id_top5"]).all()
    assert "top-1 accuracy" in accuracy_table.selections(TABLE, "distinct", 0.5, 5)


def test_claims_that_the_table_bears_on():
    found = accuracy_table.claim_statistics(seed=1)
    assert list(found) == ["C2", "C3", "C4"]
    verdicts = {claim: [s.verdict for s in group] for claim, group in found.items()}
    assert verdicts["C2"] == ["supported"] * 3
    assert verdicts["C4"] == ["undecided", "contradicted", "contradicted"]
    sizes = {s.name: s for s in found["C3"]}
    curated = sizes["logits, DataComp minus no filter"]
    ood = MODELS.set_index("checkpoint")["ood"].map(logit)
    gains = [
        ood[f"{tower}/datacomp_{rest}"] - ood[f"{tower}/commonpool_{rest}"]
        for tower, rest in (
            ("ViT-B-32", "s_s13m_b4k"),
            ("ViT-B-32", "m_s128m_b4k"),
            ("ViT-B-16", "l_s1b_b8k"),
            ("ViT-L-14", "xl_s13b_b90k"),
        )
    ]
    expected = stats.ttest_1samp(gains, 0)
    assert curated.estimate.value == pytest.approx(np.mean(gains))
    assert curated.estimate.p == pytest.approx(expected.pvalue)
    assert curated.estimate.low == pytest.approx(expected.confidence_interval().low)
    assert (curated.n, curated.sets) == (8, 4)


def planted(effect):
    """The models, with OoD accuracies on a line and sets of claim C4 `effect` logits apart."""
    rng = np.random.default_rng(0)
    sets = MODELS["set"].unique()
    level = pd.Series(rng.normal(0, 0.05, len(sets)), index=sets)
    level[list(accuracy_table.LARGE_SETS)] += effect
    y = logit(MODELS["id"]) - 3 + MODELS["set"].map(level) + rng.normal(0, 0.01, len(MODELS))
    return MODELS.assign(ood=1 / (1 + np.exp(-y)))


@pytest.mark.parametrize(
    ("effect", "verdicts"),
    [
        (6.0, ["supported", "supported"]),
        (0.0, ["undecided", "contradicted"]),
        (-2.0, ["contradicted", "contradicted"]),
    ],
)
def test_planted_orders_of_magnitude_are_detected(effect, verdicts):
    models = planted(effect)
    difference, odds, ratio = accuracy_table.claim_statistics(models)["C4"]
    assert [difference.verdict, odds.verdict] == verdicts
    # The line runs between the sets, but their distance is in the residuals.
    assert odds.estimate.value == pytest.approx(np.exp(difference.estimate.value))
    assert abs(ratio.estimate.value - 1) <= abs(odds.estimate.value - 1)


def test_the_closest_pair_that_differs_most():
    table = pd.DataFrame({"id": [0.3, 0.315, 0.5], "ood": [0.1, 0.2, 0.9]}, index=list("abc"))
    assert accuracy_table.closest_pair(table) == ("b", "a", pytest.approx(2.0))
    assert accuracy_table.closest_pair(table, within=0.19) == ("c", "b", pytest.approx(4.5))
