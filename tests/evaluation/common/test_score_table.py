import numpy as np
import pandas as pd
import pytest

from cood.errors import ArtefactError
from cood.evaluation.common.score_table import (
    INTERVENTIONS,
    JOINED_SCORES,
    SCORES,
    TRAINING_DYNAMICS,
    check,
    complete,
    concat,
    missing_model,
    write_scores,
)
from cood.files import read_table

SCHEMAS = [SCORES, JOINED_SCORES, INTERVENTIONS, TRAINING_DYNAMICS]
ROW = {"model": "few", "set": "ao", "split": "unseen", "metric": "mig", "value": 0.5, "n": 8}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_what_does_not_apply_is_empty_or_missing(schema):
    table = complete([{"model": "few", "metric": "mig"}], schema)
    check(table, schema)
    assert list(table) == list(schema.columns)
    for name, column in schema.columns.items():
        (value,) = table[name]
        if name not in ("model", "metric"):
            assert pd.isna(column.blank) if pd.isna(value) else value == column.blank
    assert all(column.meaning for column in schema.columns.values())


def test_types_are_the_same_whatever_a_table_holds(tmp_path):
    rows = [ROW, {**ROW, "centred": True, "width": 64, "query": "add", "weight": 2}]
    one, both, none = complete(rows[:1]), complete(rows), complete([])
    assert one.dtypes.equals(both.dtypes)
    assert none.dtypes.equals(both.dtypes)
    assert both["centred"].tolist() == [pd.NA, True]
    assert both["query"].tolist() == ["", "add"]
    write_scores(both, tmp_path / "scores.parquet")
    pd.testing.assert_frame_equal(read_table(tmp_path / "scores.parquet"), both)


def test_tables_with_other_columns_are_joined():
    parts = [pd.DataFrame([ROW]), pd.DataFrame([{**ROW, "null": "rotated", "n": 9}])]
    joined = concat(parts)
    check(joined)
    assert joined["null"].tolist() == ["", "rotated"]
    assert joined.index.tolist() == [0, 1]
    assert concat([]).equals(complete([]))


def test_an_unknown_column_is_refused():
    with pytest.raises(ValueError, match="unknown column of scores 'splitt'; did you mean split"):
        complete([ROW], splitt="unseen")


def test_a_missing_model_is_a_row_without_a_score():
    table = complete(missing_model("no network"), model="few", set="ao")
    check(table)
    row = table.iloc[0]
    assert (row["note"], row["metric"], row["n"]) == ("no network", "", 0)
    assert np.isnan(row["value"])


def changed(**columns):
    return complete([ROW]).assign(**columns)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (changed(split="unsen"), "unknown value in column 'split' of scores 'unsen'"),
        (changed(n=1.5), "column 'n' must be of type int64, and is of type float64"),
        (changed(centred="yes"), "column 'centred' must be of type boolean"),
        (changed(extra=1), "missing, too many or in another place: extra"),
        (changed().drop(columns="low"), "missing, too many or in another place: low"),
        (changed()[[*SCORES.columns][::-1]], "in another place: the order"),
        (pd.concat([changed(), changed(value=0.7)]), "several rows have the same keys: {'model'"),
        (changed(note=pd.Series([None], dtype="str")), "'note' has a missing text in row 0"),
    ],
)
def test_a_table_that_breaks_the_schema_is_not_written(tmp_path, table, message):
    path = tmp_path / "few.parquet"
    with pytest.raises(ArtefactError, match=r"cannot write .*few\.parquet: ") as error:
        write_scores(table, path)
    assert message in str(error.value)
    assert not path.exists()
