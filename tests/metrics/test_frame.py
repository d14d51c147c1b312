import pickle

import numpy as np
import pandas as pd
import pytest

from cood.metrics import metric_table
from cood.metrics.frame import NO_INTERVAL

QUICK = ["mig", "irs", "soft_rank", "linear_factorisation"]


@pytest.fixture
def table(geometry):
    codes, factors = geometry("one", n=200, d=4)

    def make(**options):
        return metric_table(codes, factors, metrics=QUICK, names=["attribute", "object"], **options)

    return make


def test_it_prints_value_interval_and_chance_in_80_columns(table, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    full = table(folds=4, nulls=["shuffled", "rotated"], pca_width=2)
    lines = str(full).splitlines()
    assert lines[0].split() == ["value", "interval", "chance"]
    assert max(map(len, lines)) <= 80
    assert len([line for line in lines if line.startswith("mig")]) == 5
    first = full.iloc[0]
    cells = [f"{first[name]:.2f}" for name in ("value", "low", "high", "chance")]
    value, low, high, chance = (text.replace("-0.00", "0.00") for text in cells)
    assert lines[1].split() == ["mig", value, f"[{low},", f"{high}]", chance]
    assert [line.split()[1] for line in lines if line.startswith("mig, ")] == [
        *("attribute", "object", "rotated", "pca")
    ]


def test_notes_stand_below_with_the_names_of_their_metrics(table):
    note = table()[table()["metric"] == "irs"]["note"].item()
    assert note
    _, below = str(table()).split("\n\n", 1)
    assert " ".join(below.split()).startswith(f"{NO_INTERVAL} irs: {note}")


def test_without_intervals_it_says_how_to_get_them(table):
    assert NO_INTERVAL in str(table())
    assert NO_INTERVAL not in str(table(folds=4))
    (row,) = (line for line in str(table()).splitlines() if line.startswith("soft_rank"))
    assert row.split()[2:] == ["-", "-"]


def test_selected_rows_print_alike_and_other_columns_as_usual(table):
    rows = table()[table()["factor"] == ""]
    assert str(rows).splitlines()[0].split() == ["value", "interval", "chance"]
    columns = rows[["metric", "value"]]
    assert str(columns) == str(pd.DataFrame(columns))
    more = rows.assign(model="mine")
    assert str(more) == str(pd.DataFrame(more))
    empty = rows[rows["metric"] == "none"]
    assert str(empty).startswith("Empty")


def test_it_is_a_data_frame(table, tmp_path):
    full = table(nulls=())
    plain = pd.DataFrame(full)
    assert type(plain) is pd.DataFrame
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(full)), full)
    full.to_parquet(tmp_path / "table.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "table.parquet"), plain)
    assert np.isfinite(pd.concat([plain, full])["value"]).all()
