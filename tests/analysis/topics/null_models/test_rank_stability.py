import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cood.analysis.results import Results
from cood.analysis.topics.null_models.rank_stability import (
    ALONE,
    USUAL,
    kendall,
    scorings,
    stability,
)
from cood.evaluation.common.score_table import complete

MODELS = [f"m{i}" for i in range(8)]
FAMILIES = pd.Series(list("aabbccdd"), index=MODELS)


def series(values):
    return pd.Series(values, index=MODELS, dtype=float)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_that_of_scipy(seed):
    rng = np.random.default_rng(seed)
    x, y = series(rng.integers(6, size=8)), series(rng.integers(4, size=8))  # with ties
    found = kendall(x, y, FAMILIES)
    assert found.value == pytest.approx(stats.kendalltau(x, y).statistic)
    assert (found.n, found.families) == (8, 4)
    assert found.low <= found.value <= found.high


def test_the_interval_is_that_of_leaving_out_families():
    rng = np.random.default_rng(1)
    x, y = series(rng.random(8)), series(rng.random(8))
    z = []
    for family in "abcd":
        kept = FAMILIES.ne(family)
        z.append(np.arctanh(stats.kendalltau(x[kept], y[kept]).statistic))
    found = kendall(x, y, FAMILIES)
    middle = np.arctanh(found.value)
    error = np.sqrt(3 / 4 * ((np.array(z) - middle) ** 2).sum())
    reach = stats.t.ppf(0.975, 3) * error
    assert (found.low, found.high) == pytest.approx(
        tuple(np.tanh([middle - reach, middle + reach]))
    )


def test_extreme_and_undefined_values():
    x = series(range(8))
    same, turned = kendall(x, x**3, FAMILIES), kendall(x, -x, FAMILIES)
    assert (same.n, same.families, same.value, same.high) == (8, 4, 1, 1)
    assert 0 < same.low < 1  # eight in one order do not say that all others would be
    assert (turned.value, turned.low, turned.high) == (-1, -1, -same.low)
    holes = x.where(x > 3)
    assert kendall(holes, x, FAMILIES).n == 4
    for y, families in ((series([1] * 8), FAMILIES), (x, FAMILIES.map(lambda f: "one"))):
        assert np.isnan(kendall(x, y, families).value)
    assert np.isnan(kendall(x.where(x > 5), x, FAMILIES).value)
    alone = series([0, 0, 0, 0, 0, 0, 0, 1])
    assert kendall(alone, x, FAMILIES).low == -1  # without one family, nothing is left


@pytest.fixture
def results(parse):
    study = parse(evaluation={"templates": ["a {}"], "ablations": {"bare": ["{}"]}})
    value = dict(zip(MODELS, np.linspace(0.1, 0.8, 8), strict=True))
    rows = []
    for model in MODELS:
        rows += [
            (model, "pair_top1", "", value[model]),
            (model, "pair_top5", "", value[model] + 0.1),
            (model, "pair_top1", "bare", 1 - value[model]),
            (model, "attribute_alone_top1", "", value[model]),
            (model, "object_alone_top1", "", 0.5),
        ]
    table = pd.DataFrame(rows, columns=["model", "metric", "templates", "value"])
    fixed = {"set": "ao", "split": "unseen", "space": "image", "category": "all", "labels": "all"}
    table = complete(table, **fixed, low=0.0, high=1.0, chance=0.05, n=10)
    return Results(study, table, pd.DataFrame({"model": MODELS, "family": list("aabbccdd")}))


def test_ways_that_were_not_taken_are_left_out(results):
    found = scorings(results)
    assert list(found) == [USUAL, "top-5", 'template "{}"', ALONE]
    assert found[ALONE]["value"]["m7"] == pytest.approx((0.8 + 0.5) / 2)
    assert found[ALONE]["low"].isna().all()


def test_an_order_that_stays_and_one_that_turns(results):
    table = stability(results).set_index("way")
    assert table["tau"].to_dict() == {"top-5": 1, 'template "{}"': -1, ALONE: 1}
    turned = table.loc['template "{}"']
    assert (turned["moved"], turned["usual_rank"], turned["rank"]) == ("m0", 8, 1)
    assert turned["median"] == pytest.approx(0.55)
    assert (table["n"] == 8).all()
