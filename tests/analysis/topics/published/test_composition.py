import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit, logit

from cood.analysis.topics.published import accuracy_table, composition

TABLE = composition.composition_table()
OBJECTS = accuracy_table.working(accuracy_table.published_table())


def made_up(families=6, each=4, between=-1.0, within=1.0, seed=0):
    """Models whose y falls with x between families and rises within them, with sizes."""
    rng = np.random.default_rng(seed)
    centre = np.repeat(np.linspace(-1, 1, families), each)
    inside = np.tile(np.linspace(-0.2, 0.2, each), families)
    n = families * each
    return pd.DataFrame(
        {
            "x": centre + inside,
            "y": between * centre + within * inside + rng.normal(0, 0.01, n),
            "family": np.repeat([f"f{i}" for i in range(families)], each),
            "parameters": 2.0 ** rng.normal(27, 1, n),
        }
    )


def associate(models, **options):
    names = ("C2", "y", "x")
    return composition.associate(names, models["x"], models["y"], models, seed=0, **options)


def test_what_is_known_of_the_clips():
    assert len(TABLE) == 25
    assert TABLE["imagenet"].notna().sum() == 23
    assert TABLE["imagenet_mieb"].notna().all()
    row = TABLE.loc["QuanSun/EVA02-CLIP-L-14"]
    assert row[["checkpoint", "set", "pool", "family"]].tolist() == [
        "EVA02-L-14/merged2b_s4b_b131k",
        "Merged-2B",
        "LAION-5B",
        "LAION-5B, EVA",
    ]
    assert row[["pairs", "parameters", "imagenet"]].tolist() == [2e9, 427755457, 0.7977]
    counts = TABLE.dropna(subset="imagenet")["family"].value_counts()
    assert counts.to_dict() == {
        "WebLI, ViT": 8,
        "LAION-5B, ViT": 5,
        "LAION-5B, EVA": 4,
        "OpenAI, ViT": 3,
        "CommonPool-XL, ViT": 3,
    }
    alone = TABLE.loc["kakaobrain/align-base"]
    assert alone["family"] == "COYO-700M, EfficientNet"
    assert alone[["imagenet", "parameters"]].isna().all()
    # SigLIP does not say how many pairs it saw.
    assert TABLE.loc[TABLE["pool"] == "WebLI", "pairs"].isna().all()


def test_checkpoints_of_openclip():
    listed = composition.openclip_table()
    assert len(listed) == 105
    assert listed.index.is_unique
    assert listed["imagenet"].notna().all()
    assert listed[["embed_dim", "resolution", "parameters"]].notna().all(axis=None)


def test_simpson_is_seen_in_the_correlation_within_families():
    models = made_up()
    found = associate(models)
    assert found.plain.value == pytest.approx(stats.pearsonr(models["x"], models["y"]).statistic)
    assert found.plain.high < 0
    centred = models[["x", "y"]] - models.groupby("family")[["x", "y"]].transform("mean")
    assert found.within.value == pytest.approx(stats.pearsonr(centred["x"], centred["y"]).statistic)
    assert found.within.low > 0
    assert (found.plain.n, found.plain.families) == (24, 6)
    assert found.plain.least <= found.plain.value <= found.plain.most
    assert np.isnan(associate(models, vary_within=False).within.value)


def test_model_size_is_held_fixed():
    models = made_up(between=0, within=0)
    size = np.log2(models["parameters"])
    models = models.assign(x=size + 0.01 * models["x"], y=size - 0.01 * models["x"])
    found = associate(models)
    rest = [models[c] - np.polyval(np.polyfit(size, models[c], 1), size) for c in ("x", "y")]
    assert found.plain.value > 0.99
    assert found.given_size.value == pytest.approx(stats.pearsonr(*rest).statistic, abs=1e-6)
    assert found.given_size.value < -0.5


def test_families_of_one_model_have_no_deviation():
    models = made_up()
    alone = models.iloc[[0]].assign(family="alone", x=50.0, y=50.0)
    with_it = associate(pd.concat([models, alone], ignore_index=True))
    assert with_it.plain.value > 0.9
    assert with_it.within.value == pytest.approx(associate(models).within.value)
    only = models.groupby("family").head(1)
    assert np.isnan(associate(only).within.value)


def test_models_without_a_figure_are_left_out():
    models = made_up()
    models.loc[0, "x"] = np.nan
    models.loc[1, "parameters"] = np.nan
    found = associate(models)
    assert (found.plain.n, found.given_size.n) == (23, 22)


def test_claims_have_the_associations_that_they_are_about():
    by_id = composition.id_associations(TABLE, OBJECTS, seed=0)
    assert [len(found) for found in by_id.values()] == [4, 3]
    sugarcrepe = by_id[composition.OPENCLIP_ID][1]
    joined = TABLE.dropna(subset="imagenet")
    expected = stats.pearsonr(logit(joined["imagenet"]), logit(joined["sugarcrepe"]))
    assert sugarcrepe.plain.value == pytest.approx(expected.statistic)
    assert (sugarcrepe.plain.n, sugarcrepe.plain.families) == (23, 5)
    assert by_id[composition.MIEB_ID][1].plain.n == 25
    sizes = composition.size_associations(TABLE, OBJECTS, seed=0)
    assert [one.plain.n for one in sizes] == [15, 15, 15, 63]
    retrieval = composition.retrieval_associations(TABLE, seed=0)
    assert len({(one.outcome, one.measure) for one in retrieval}) == 6
    listed = composition.openclip_table()
    of_imagenet = composition.imagenet_size_associations(listed, seed=0)
    assert of_imagenet[0].measure == "pairs in the training set"
    assert len(of_imagenet) == 4


def test_curated_data_are_compared_in_the_same_architecture():
    table = pd.DataFrame(
        {
            "architecture": ["a", "a", "b", "b", "c"],
            "set": ["DataComp-XL", "LAION-2B"] * 2 + ["DataComp-XL"],
            "score": expit([1.0, 0.5, 2.0, 1.1, 9.0]),
        }
    )
    grid, gain = composition.curation_gain(table, "score")
    assert list(grid.index) == ["a", "b"]
    expected = stats.ttest_1samp([0.5, 0.9], 0)
    assert gain.value == pytest.approx(0.7)
    assert gain.p == pytest.approx(expected.pvalue)
    assert list(composition.curation_gain(TABLE, "sugarcrepe")[0].index) == ["ViT-B-32", "ViT-L-14"]


def test_sampling_error_of_winoground():
    error, spread, above = composition.winoground_noise(
        pd.DataFrame({"winoground": [0.5, 0.5, 0.1, np.nan]})
    )
    assert error == pytest.approx(np.sqrt((0.25 + 0.25 + 0.09) / 3 / 400))
    assert spread == pytest.approx(np.std([0.5, 0.5, 0.1], ddof=1))
    assert above == 2
