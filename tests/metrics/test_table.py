import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cood.metrics import RANGES, metric_table
from cood.metrics.dci import dci
from cood.metrics.directions import orthogonality
from cood.metrics.information import dcimig, mig, mig_sup, modularity
from cood.metrics.irs import irs
from cood.metrics.linear import fit_additive, held_out_r_squared, r_squared
from cood.metrics.nulls import project_pca
from cood.metrics.prediction import explicitness, sap
from cood.metrics.rank import numerical_rank
from cood.metrics.registry import OUTPUTS
from cood.metrics.sampled import z_diff, z_min_variance
from cood.metrics.table import COLUMNS

pytestmark = pytest.mark.filterwarnings("ignore::cood.metrics.result.MetricWarning")
QUICK = ["dci", "mig", "mig_sup", "dcimig", "modularity", "sap", "explicitness", "irs"]
NAMES = ["attribute", "object"]


def whole(table, null="", projection=""):
    """The rows over all factors."""
    kept = (table["factor"] == "") & (table["null"] == null) & (table["projection"] == projection)
    return table[kept].set_index("metric")


def test_values_are_those_of_the_single_metrics(geometry):
    codes, factors = geometry("mixed", n=400, d=6)
    codes = codes.astype(np.float32)
    result = whole(metric_table(codes, factors, nulls=()))["value"]
    single = {
        metric.__name__: metric(codes, factors).value
        for metric in (mig, mig_sup, dcimig, modularity, sap, explicitness, irs, z_diff)
    }
    single |= {"z_min_variance": z_min_variance(codes, factors, train=4000, test=2000).value}
    single |= {"z_diff_single": z_diff(codes, factors, batch=1).value}
    single |= {
        f"dci_{name}": dci(codes, factors).parts[name]
        for name in ("disentanglement", "completeness", "informativeness")
    }
    z = z_diff(codes, factors).parts
    single |= {"z_diff_strict": z["strict"], "coverage": z["coverage"].mean()}
    fit = fit_additive(codes, factors)
    single |= {
        "soft_rank": numerical_rank(codes, relative=True).value,
        "r2": r_squared(fit).value,
        "r2_adjusted": r_squared(fit).parts["adjusted"],
        "r2_held_out": held_out_r_squared(codes, factors).value,
        "orthogonality": orthogonality(fit).value,
    }
    assert result.to_dict() == pytest.approx(single, abs=1e-9)


def test_one_long_table(geometry):
    codes, factors = geometry("aligned")
    table = metric_table(codes, factors, metrics=QUICK, names=NAMES)
    assert tuple(table.columns) == COLUMNS
    assert not table.duplicated(["metric", "factor", "null", "projection"]).any()
    assert set(table["factor"]) == {"", *NAMES}
    assert (table[["null", "projection"]] == "").all(axis=None)
    assert table["width"].dtype == "Int64"
    assert table["width"].isna().all()
    assert (table["n"] == 1200).all()
    assert (table["seconds"] >= 0).all()
    each = table[table["factor"] != ""].groupby("metric")["value"]
    assert set(each.groups) == {
        *("mig", "sap", "explicitness", "dci_completeness", "dci_informativeness")
    }
    means = whole(table)["value"]
    for metric, value in each.mean().items():
        assert value == pytest.approx(means[metric])


def test_every_measure_has_a_row_and_its_chance(geometry):
    codes, factors = geometry("aligned", n=400, d=4)
    table = whole(metric_table(codes, factors, repeats=1))
    assert tuple(table.index) == tuple(OUTPUTS)
    assert table["value"].notna().all()
    assert table.index[table["chance"].isna()].tolist() == ["soft_rank"]  # it knows no labels
    assert table.loc["z_diff", "chance"] == pytest.approx(0.5, abs=0.1)
    assert table.loc["mig", "chance"] < 0.1
    assert table.loc["r2_adjusted", "chance"] == pytest.approx(0, abs=0.05)
    assert (table.loc[["dci_disentanglement", "sap", "coverage"], "value"] > 0).all()


def test_rotated_and_projected_rows(geometry):
    codes, factors = geometry("aligned")
    nulls = ("shuffled", "rotated")
    table = metric_table(codes, factors, metrics=QUICK, nulls=nulls, pca_width=5)
    turned, cut = whole(table, "rotated"), whole(table, projection="pca")
    assert (cut["width"] == 5).all()
    assert turned["width"].isna().all()
    assert turned.loc["dci_disentanglement", "value"] < 0.5
    assert turned.loc["explicitness", "value"] > 0.95
    middle = (turned["low"] + turned["high"]) / 2
    pd.testing.assert_series_equal(middle, turned["value"], check_names=False)
    assert (turned["high"] >= turned["low"]).all()
    assert cut.loc["mig", "value"] == mig(project_pca(codes, 5), factors).value
    assert cut[["low", "high", "chance"]].isna().all(axis=None)
    once = metric_table(codes, factors, metrics=["mig"], nulls=["rotated"], repeats=1)
    assert whole(once, "rotated")[["low", "high"]].isna().all(axis=None)


def test_other_measures_and_nulls_change_no_value(geometry):
    codes, factors = geometry("noisy", n=300)
    full = whole(metric_table(codes, factors, metrics=QUICK))
    for metric in ("dci", "sap", "explicitness"):
        single = whole(metric_table(codes, factors, metrics=[metric], nulls=()))["value"]
        pd.testing.assert_series_equal(single, full.loc[single.index, "value"])


def test_a_seed_is_kept(geometry):
    codes, factors = geometry("noisy", n=300)
    first, again, other = (
        metric_table(codes, factors, metrics=["sap", "mig"], rng=seed).drop(columns="seconds")
        for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


def test_a_note_names_the_factor(geometry):
    codes, factors = geometry("one", n=400, d=4)
    for names, name in ((NAMES, "object"), (None, "1"), (["shape 3", "hue 0, 7"], "hue 0, 7")):
        table = whole(metric_table(codes, factors, names=names, metrics=["irs", "dci"], nulls=()))
        text = f"factor {name} is not predicted significantly better"
        assert table.loc["dci_completeness", "note"].startswith(text)
        assert table.loc["irs", "note"].endswith(
            f"more informative about factor {name} than about others"
        )
    lone = metric_table(codes, np.c_[factors, 0 * factors], metrics=["mig"], names=list("abcd"))
    assert whole(lone).loc["mig", "note"] == "factor c, d has one value only: left out"


@pytest.mark.parametrize("n", [2, 3])
def test_few_rows(n):
    rng = np.random.default_rng(0)
    codes, factors = rng.standard_normal((n, 7)), np.c_[np.arange(n) % 2, np.arange(n) % 3]
    table = metric_table(codes, factors, nulls=(), pca_width=64)
    assert len(whole(table)) == len(OUTPUTS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metrics": ["mig", "gap"]}, "metrics: expected one of z_diff, .*, got 'gap'"),
        ({"nulls": ["random"]}, "nulls: expected one of shuffled, rotated, got 'random'"),
        ({"metrics": "mig"}, "metrics: expected a list of names, got 'mig'"),
        ({"metrics": ["mig", "sap", "mig"]}, "metrics: mig is named twice"),
        ({"nulls": "shuffled"}, "nulls: expected a list of names, got 'shuffled'"),
        ({"names": ["a"]}, "names: 1 names for 2 factors"),
        ({"repeats": 0}, "repeats: expected a whole number from 1, got 0"),
        ({"pca_width": 1.5}, "pca_width: expected a whole number from 1, got 1.5"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        metric_table(np.eye(4), np.eye(4, 2, dtype=int), **options)


def test_options_may_be_any_sequence():
    codes, factors = np.eye(8), np.arange(16).reshape(8, 2) % 3
    usual = metric_table(codes, factors, metrics=["mig"], names=["a", "b"])
    other = metric_table(
        codes,
        pd.DataFrame(factors).astype("Int64"),
        metrics=(name for name in ("mig",)),
        nulls=(name for name in ("shuffled",)),
        names=pd.Index(["a", "b"]),
    )
    pd.testing.assert_frame_equal(usual.drop(columns="seconds"), other.drop(columns="seconds"))


def test_one_row_is_too_few():
    with pytest.raises(ValueError, match="codes: at least two rows are needed, got 1"):
        metric_table(np.ones((1, 2)), [[0, 1]])


def test_intervals_are_those_of_the_jackknife(geometry):
    codes, factors = geometry("mixed", n=300, d=5)
    groups = np.arange(300) // 3
    table = whole(metric_table(codes, factors, metrics=["mig"], nulls=(), folds=4, groups=groups))
    row = table.loc["mig"]
    fold = np.random.default_rng((0, 2)).permutation(100)[groups] % 4
    without = np.array([mig(codes[fold != i], factors[fold != i]).value for i in range(4)])
    error = np.sqrt(3 / 4 * ((without - without.mean()) ** 2).sum())
    half = stats.t.ppf(0.975, 3) * error
    assert [row["low"], row["high"]] == pytest.approx(
        [max(0, row["value"] - half), row["value"] + half]
    )


def test_rows_that_repeat_do_not_narrow_the_interval_of_their_groups(geometry):
    codes, factors = geometry("mixed", n=300, d=5)
    asked = {"metrics": ["mig"], "nulls": (), "folds": 5}
    once = metric_table(codes, factors, groups=np.arange(300), **asked)
    times = np.repeat(np.arange(300), 2)
    twice = metric_table(codes[times], factors[times], groups=times, **asked)
    pd.testing.assert_frame_equal(once[["low", "high"]], twice[["low", "high"]])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folds": 1}, "folds: expected a whole number from 2, got 1"),
        ({"folds": 5, "groups": np.zeros(30)}, "folds: 5 is more than the 1 groups"),
        ({"folds": 2, "groups": [0, 1]}, r"groups: expected 30 ids, got an array of shape \(2,\)"),
    ],
)
def test_intervals_that_cannot_be(options, message):
    codes = np.random.default_rng(0).standard_normal((30, 3))
    with pytest.raises(ValueError, match=message):
        metric_table(codes, np.arange(30) % 3, metrics=["mig"], **options)


@pytest.mark.parametrize("names", [["a", "a"], ["", "b"]])
def test_names_that_could_be_mistaken(names):
    codes, factors = np.zeros((8, 2)), np.arange(16).reshape(8, 2) % 3
    with pytest.raises(ValueError, match="names: each must differ and none be empty, got"):
        metric_table(codes, factors, metrics=["mig"], names=names)


def test_intervals_are_bounded_by_the_range_of_the_score_only(geometry, monkeypatch):
    codes, factors = geometry("mixed", n=60, d=5)
    asked = {"metrics": ["mig", "explicitness"], "nulls": (), "folds": 3}
    bounded = whole(metric_table(codes, factors, **asked))
    monkeypatch.setitem(RANGES, "mig", (-np.inf, np.inf))
    free = whole(metric_table(codes, factors, **asked))
    assert free.loc["mig", "low"] < 0 == bounded.loc["mig", "low"]
    middle = (free.loc["mig", "low"] + free.loc["mig", "high"]) / 2
    assert middle == pytest.approx(free.loc["mig", "value"])
    pd.testing.assert_frame_equal(bounded[["value"]], free[["value"]])
    assert free.loc["explicitness", "high"] <= 1


def test_sums_of_words_are_linear():
    words = np.random.default_rng(0).standard_normal((2, 5, 12))
    factors = np.array([[a, o] for a in range(5) for o in range(5)] * 2)
    codes = words[0][factors[:, 0]] + words[1][factors[:, 1]]
    table = whole(metric_table(codes, factors, metrics=["linear_factorisation", "soft_rank"]))
    for metric in ("r2", "r2_adjusted", "r2_held_out"):
        assert table.loc[metric, "value"] == pytest.approx(1)
        assert table.loc[metric, "chance"] < 0.3
    assert table.loc["soft_rank", "value"] <= 8 / 12  # each factor fills 5 - 1 dimensions


def test_it_imports_numpy_only_and_of_the_package_where_arrays_are():
    code = """
import importlib, pkgutil, sys
import cood.metrics
for module in pkgutil.iter_modules(cood.metrics.__path__):
    if module.name in ("frame", "on_device"):
        continue  # imported when a table is made, and for tensors of torch
    importlib.import_module(f"cood.metrics.{module.name}")
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = done.stdout.split()
    foreign = {"scipy", "pandas", "sklearn", "pydantic", "torch"}
    assert not foreign & {name.split(".")[0] for name in modules}
    own = {name for name in modules if name.startswith("cood.")}
    beside = {name for name in own if not name.startswith("cood.metrics")}
    assert beside == {"cood.devices", "cood.device_arrays"}


def test_a_continuous_factor_is_refused_by_name():
    codes, ids = np.random.default_rng(0).standard_normal((40, 3)), np.arange(40) % 4
    factors = np.c_[ids, np.linspace(0, 1, 40)]
    message = r"factors: 0\.025\d+ in row 1 of hue is not a whole number, .* numpy\.digitize"
    with pytest.raises(ValueError, match=message):
        metric_table(codes, factors, names=["shape", "hue"])
    with pytest.raises(ValueError, match="in row 1, column 1 is not a whole number"):
        metric_table(codes, factors)
    with pytest.raises(ValueError, match="in row 1 of hue is not a whole number"):
        metric_table(codes, factors[:, 1], names=["hue"])


def test_whole_numbers_may_be_floats(geometry):
    codes, factors = geometry("mixed", n=200)
    asked = {"metrics": ["mig"], "nulls": ()}
    floats, integers = (metric_table(codes, f, **asked) for f in (factors.astype(float), factors))
    pd.testing.assert_frame_equal(floats.drop(columns="seconds"), integers.drop(columns="seconds"))
