import numpy as np
import pytest
from scipy import stats
from scipy.special import logit

from cood.analysis.topics.published import contrasts
from cood.analysis.topics.published.accuracy_table import (
    line,
    published_table,
    working,
)

MODELS = working(published_table())
LINE = line(MODELS)


def test_the_noise_floor_is_that_of_two_epochs():
    n, floor = contrasts.noise_floor(MODELS, "ood")
    pairs = [(m, m.replace("_e31", "_e32")) for m in MODELS["model"] if "_e31" in m]
    apart = [MODELS.loc[a, "ood"] - MODELS.loc[b, "ood"] for a, b in pairs]
    assert n == len(pairs) == 5
    assert floor == pytest.approx(np.sqrt(np.mean(np.square(apart)) / 2))
    assert contrasts.noise_floor(MODELS[:3], "ood")[0] == 0


def test_the_ladder_of_filters():
    grid, gain = contrasts.curation(MODELS, "ood")
    assert grid.shape == (7, 4)
    assert grid.loc["clip", "M"] == MODELS.loc["ViT-B-32_commonpool_m_clip_s128m_b4k", "ood"]
    assert grid.notna().sum().tolist() == [6, 7, 7, 4]
    assert gain.value == pytest.approx((grid.loc["DataComp"] - grid.loc["none"]).mean())


def test_a_mean_has_a_t_interval():
    values = np.array([0.1, 0.4, 0.2])
    expected = stats.ttest_1samp(values, 0)
    found = contrasts.mean_of(values)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval()))
    assert found.p == pytest.approx(expected.pvalue)
    assert np.isnan(contrasts.mean_of(values[:1]).low)


def test_contrasts_hold_fixed_what_they_say():
    table = contrasts.contrasts(MODELS, LINE)
    about = MODELS.loc[table["model"]].reset_index(drop=True)
    groups = table.groupby(["contrast", "fixed"])
    assert (groups.size() > 1).all()
    assert not table.duplicated(["contrast", "fixed", "model"]).any()
    for (contrast, _), rows in groups:
        here = about.loc[rows.index]
        constant = {
            "filter of CommonPool": ["scale", "architecture", "samples_seen"],
            "text encoder or captioning": ["pool"],
            "architecture": ["family"],
            "training data": ["architecture"],
            "epoch 31 or 32": ["architecture", "family", "wrong_activation"],
            "activation": ["checkpoint"],
        }[contrast]
        assert (here[constant].nunique() == 1).all(), (contrast, rows)
    assert groups.ngroups == 24
    expected = LINE.models["residual"].loc[table["model"]]
    np.testing.assert_array_equal(table["residual"], expected)


def test_sizes_given_id_accuracy():
    found = contrasts.sizes(MODELS, 0).set_index("size")
    pairs = found.loc["pairs in the training set"]
    x, y = logit(MODELS["id"]), logit(MODELS["ood"])
    size = np.log2(MODELS["pairs"])
    expected = np.linalg.lstsq(np.column_stack([np.ones(63), size, x]), y, rcond=None)[0]
    assert pairs["per_doubling"].value == pytest.approx(expected[1])
    assert pairs["alone"].spearman.value == pytest.approx(stats.spearmanr(size, y).statistic)
    rest = [v - np.polyval(np.polyfit(x, v, 1), x) for v in (size, y)]
    assert pairs["given"].pearson.value == pytest.approx(stats.pearsonr(*rest).statistic)
    assert found.loc["pairs seen in training", ["n", "families"]].tolist() == [60, 8]
    assert found["jointly"].notna().tolist() == [True, True, True, False, False]
