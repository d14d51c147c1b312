import json

import numpy as np
import pandas as pd
import pytest

from cood.analysis.compare_runs import (
    COLUMNS,
    as_text,
    compare,
    differing_settings,
    differs,
    read_run,
)
from cood.cli import main
from cood.errors import CoodError
from cood.evaluation.common.score_table import complete
from cood.files import write_table

OOD = "pair_top1 on unseen"
SETTINGS = {"seed": 7, "models": {"few": {"share": 0.4}}, "vocabulary": {"objects": ["a", "b"]}}


def score(model, value, half=0.1, **changes):
    usual = {"set": "ao", "split": "unseen", "category": "all", "labels": "all"}
    usual |= {"space": "image", "metric": "pair_top1", "method": "zero_shot", "chance": 0.1}
    numbers = {"value": value, "low": value - half, "high": value + half, "n": 9, "seconds": 0.0}
    return usual | {"model": model} | numbers | changes


@pytest.fixture
def write(tmp_path):
    """Write the results of a run and read them."""

    def make(name, rows, settings=SETTINGS, claims=None):
        folder = tmp_path / name
        write_table(complete(rows), folder / "scores.parquet")
        models = sorted({row["model"] for row in rows} - {"text only"})
        write_table(pd.DataFrame({"model": models}), folder / "models.parquet")
        if settings is not None:
            (folder / "settings.json").write_text(json.dumps(settings))
        if claims is not None:
            (folder / "notebooks" / "claims").mkdir(parents=True)
            pd.DataFrame(claims).to_csv(folder / "notebooks" / "claims" / "claims.csv")
        return read_run(str(folder))

    return make


def state(table, what=OOD, model="few"):
    (found,) = table.loc[(table["what"] == what) & (table["model"] == model), "state"]
    return found


def test_a_run_and_itself(write):
    rows = [score("few", 0.5), score("most", 0.6), score("most", np.nan, metric="binding")]
    a, b = write("a", rows), write("b", rows)
    table = compare(a, b)
    assert list(table.columns) == COLUMNS
    assert set(table["state"]) == {"same"}
    assert not differs(table)
    assert "Settings: the same" in as_text(a, b, table)


def test_the_interval_of_a_difference_of_independent_numbers(write):
    # Means of 100 and of 400 draws: the known half width of their difference.
    halves = 1.96 * 0.2 / np.sqrt([100, 400])
    table = compare(
        write("a", [score("few", 0.5, halves[0])]), write("b", [score("few", 0.4, halves[1])])
    )
    row = table.iloc[0]
    assert row["difference"] == pytest.approx(0.1)
    half = 1.96 * 0.2 * np.sqrt(1 / 100 + 1 / 400)
    assert row["low"] == pytest.approx(0.1 - half)
    assert row["high"] == pytest.approx(0.1 + half)


@pytest.mark.parametrize(
    ("other", "expected"), [(0.63, "within"), (0.65, "beyond"), (0.35, "beyond"), (0.5, "same")]
)
def test_a_number_is_within_or_beyond_the_intervals(write, other, expected):
    # Two half widths of 0.1 make one of 0.141; the intervals themselves overlap up to 0.7.
    table = compare(write("a", [score("few", 0.5)]), write("b", [score("few", other)]))
    assert state(table) == expected
    assert differs(table) == (expected == "beyond")


def test_equal_runs_go_beyond_the_intervals_as_often_as_they_promise(write):
    random, n = np.random.default_rng(0), 2000
    runs = []
    for name in "ab":
        draws = random.normal(0.5, 0.03, n)
        runs.append(write(name, [score(f"m{i}", x, 1.96 * 0.03) for i, x in enumerate(draws)]))
    beyond = (compare(*runs)["state"] == "beyond").mean()
    assert 0.03 < beyond < 0.07


def test_a_number_without_an_interval(write):
    rows = [score("few", 0.5, np.nan)], [score("few", 0.6, np.nan)]
    a, b = write("a", rows[0]), write("b", rows[1])
    assert state(compare(a, b)) == "no interval"
    assert not differs(compare(a, b))
    assert state(compare(a, a)) == "same"


def test_models_of_one_run_only(write):
    a = write("a", [score("few", 0.5), score("old", 0.4)])
    b = write("b", [score("few", 0.5), score("new", 0.4), score("text only", 0.3)])
    table = compare(a, b)
    assert state(table, model="old") == "only in A"
    assert state(table, model="new") == "only in B"
    assert "text only" not in set(table["model"])
    assert differs(table)


def test_image_only_encoders_count_as_models(write):
    rows = [score("few", 0.5), score("encoder", 0.4, method="linear_probe")]
    a = write("a", rows)
    folder = write("b", rows).folder
    for name, model in (("models", "few"), ("image_encoders", "encoder")):
        write_table(pd.DataFrame({"model": [model]}), folder / f"{name}.parquet")
    b = read_run(str(folder))
    assert b.models == ["few", "encoder"]
    table = compare(a, b)
    assert state(table, "linear probe: pair_top1 on unseen", "encoder") == "same"


def test_scores_of_other_sets_splits_labels_and_spaces_are_separate(write):
    rows = [
        score("few", 0.5),
        score("few", 0.4, labels="own"),
        score("few", 0.3, split="seen"),
        score("few", 0.2, set="photos"),
        score("few", 0.1, metric="mig", split="all"),
        score("few", 0.1, metric="mig", split="all", space="text"),
        score("few", 0.9, metric="mig", split="all", factor="attribute"),
        score("few", 0.2, metric="mig"),
        score("few", 0.8, category="color"),
        score("few", 0.7, split="held out"),
        score("few", 0.7, metric="numerical_rank_0.1", centred=False),
    ]
    table = compare(write("a", rows), write("b", rows[:1]))
    assert set(table["what"]) == {
        *(OOD, f"{OOD}, unseen labels", "pair_top1 on seen", f"{OOD} of photos"),
        "mig image on all",
        "mig text on all",
    }
    assert not table.duplicated(["what", "model"]).any()


def test_a_claim_with_another_verdict(write):
    claim = {"claim": "C2", "test": "ID", "value": 0.5, "low": 0.1, "high": 0.9}
    claim |= {"verdict": "supported"}
    untested = {"claim": "C13", "verdict": "not testable here"}
    a = write("a", [score("few", 0.5)], claims=[claim, untested])
    b = write(
        "b", [score("few", 0.5)], claims=[claim | {"value": 0.4, "verdict": "undecided"}, untested]
    )
    c = write("c", [score("few", 0.5)], claims=[claim | {"value": 0.4}, untested])
    table = compare(a, b)
    assert table["kind"].tolist() == ["claim", "claim", "score"]
    assert state(table, "C2 ID", "") == "beyond"
    assert state(compare(a, c), "C2 ID", "") == "within"
    assert state(table, "C13", "") == "same"
    text = as_text(a, b, table)
    assert "supported 0.500 [0.100, 0.900]" in text
    assert "undecided 0.400 [0.100, 0.900]" in text
    assert text.endswith("A and B differ")


def test_runs_without_a_score_have_empty_sections(write):
    a = write("a", [score("text only", 0.5)])  # a baseline, but no model
    b = write("b", [score("few", 0.5)])
    table = compare(a, a)
    assert list(table.columns) == COLUMNS
    assert table.empty
    assert not differs(table)
    text = as_text(a, a, table)
    assert "Models: accuracy on unseen compositions (pair_top1 on unseen): none" in text
    assert "Scores: none" in text
    assert state(compare(a, b)) == "only in B"
    assert "0.500 [0.400, 0.600]" in as_text(b, a, compare(b, a))


def test_runs_in_which_no_claim_could_be_tested(write):
    # As `verdict_table` saves it: no test, and so no column of numbers.
    untested = {"claim": "C2", "test": "", "verdict": "not testable here"}
    a = write("a", [score("few", 0.5)], claims=[untested])
    b = write("b", [score("few", 0.5)], claims=[untested | {"claim": "C3"}])
    table = compare(a, b)
    assert state(compare(a, a), "C2", "") == "same"
    assert state(table, "C2", "") == "only in A"
    assert "not testable here" in as_text(a, b, table)


def test_settings_that_differ(write):
    a = write("a", [score("few", 0.5)])
    other = {"seed": 8, "models": {"few": {"share": 0.4}, "most": {"share": 0.8}}}
    other["vocabulary"] = {"objects": ["a", "c", "d"]}
    b = write("b", [score("few", 0.5)], settings=other)
    assert differing_settings(a, b).to_numpy().tolist() == [
        ["models.most.share", "-", "0.8"],
        ["seed", "7", "8"],
        ["vocabulary.objects", "b", "c, d"],
    ]
    assert not differs(compare(a, b))
    unknown = write("c", [score("few", 0.5)], settings=None)
    assert differing_settings(a, unknown) is None
    assert f"unknown for {unknown.folder}" in as_text(a, unknown, compare(a, unknown))


def designed(seed, **shares):
    models = {name: {"share": share} for name, share in shares.items()}
    return {"design": {"seed": seed, "models": len(models)}, "models": models}


def test_models_of_another_design_share_a_name_only(write):
    rows = [score("m001", 0.5), score("m002", 0.5)]
    a = write("a", rows, settings=designed(0, m001=0.2, m002=0.4))
    more = [*rows, score("m003", 0.5)]
    b = write("b", more, settings=designed(1, m001=0.3, m002=0.4, m003=0.8))
    table = compare(a, b)
    assert state(table, model="m001") == "another model"
    assert state(table, model="m002") == "same"  # its settings are
    assert state(table, model="m003") == "only in B"
    assert table.set_index("model").loc["m001", ["difference", "low", "high"]].isna().all()
    assert differs(table)
    text = as_text(a, b, table)
    assert "design.seed    0  1" in text
    assert "models.m" not in text
    # Of one design, a model with another setting is compared, and the setting shown.
    c = write("c", rows, settings=designed(0, m001=0.3, m002=0.4))
    assert state(compare(a, c), model="m001") == "same"
    assert "models.m001.share  0.2  0.3" in as_text(a, c, compare(a, c))
    unknown = write("d", rows, settings=None)
    assert state(compare(a, unknown), model="m001") == "same"


def test_many_models_of_one_run_are_counted(write):
    names = [f"m{i:03}" for i in range(1, 31)]
    a = write("a", [score(name, 0.5) for name in names[:11]], settings=designed(0))
    b = write("b", [score(name, 0.5) for name in names], settings=designed(0))
    text = as_text(a, b, compare(a, b))
    assert "  19 models: only in B (m012 to m030)\n" in text
    assert "m013" not in text
    shares = [dict.fromkeys(names[:11], share) for share in (0.1, 0.2)]
    a, b = (
        write(name, [score(model, 0.5) for model in own], settings=designed(i, **own))
        for i, (name, own) in enumerate(zip("cd", shares, strict=True))
    )
    text = as_text(a, b, compare(a, b))
    assert "  11 models: another model of the same name (m001 to m011)\n" in text
    assert "m002" not in text


CLAIM = {"claim": "C2", "test": "ID", "value": 0.5, "low": 0.1, "high": 0.9, "verdict": "supported"}
PARTS = {
    "nothing": ([], None),
    "no score": ([score("few", np.nan, metric="", note="no network")], None),
    "claims only": ([], [CLAIM]),
    "untested claims": ([], [{"claim": "C2", "test": "", "verdict": "not testable here"}]),
    "another model": ([score("other", 0.5)], [CLAIM]),
    "all": ([score("few", 0.5)], [CLAIM]),
}


@pytest.mark.parametrize("one", PARTS)
@pytest.mark.parametrize("other", PARTS)
def test_runs_that_lack_scores_or_claims_are_compared(write, one, other):
    a, b = (
        write("a", PARTS[one][0], claims=PARTS[one][1]),
        write("b", PARTS[other][0], claims=PARTS[other][1]),
    )
    table = compare(a, b)
    text = as_text(a, b, table)
    assert text.endswith("A and B differ") == differs(table)
    assert list(table.columns) == COLUMNS
    if one == other:
        assert not differs(table)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("settings.json", "{"),
        ("models.parquet", "PAR1"),
        ("scores.parquet", "PAR1"),
        ("notebooks/claims/claims.csv", ""),
        ("notebooks/claims/claims.csv", "claim\nC1\n"),
    ],
)
def test_a_damaged_file_is_named(write, capsys, file, content):
    folder = write("a", [score("few", 0.5)], claims=[CLAIM]).folder
    (folder / file).write_text(content)
    assert main(["compare", str(folder), str(folder)]) == 2
    said = capsys.readouterr().err
    assert f"{folder / file} is " in said
    assert said.count("\n") == 1


def test_what_cannot_be_compared(project, capsys):
    with pytest.raises(CoodError, match="results/none: no such folder"):
        read_run("results/none")
    with pytest.raises(CoodError, match=r"unknown study 'tinny'; did you mean tiny\?"):
        read_run("tinny")
    with pytest.raises(CoodError, match=r"notebooks: it holds no scores.parquet; name the results"):
        read_run("notebooks")
    assert main(["compare", "tinny", "tiny"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("cood compare: unknown study 'tinny'")
    assert said.err.count("\n") == 1


def test_the_command_prints_the_differences_and_writes_every_number(project, write, capsys):
    a = write("a", [score("few", 0.5), score("most", 0.5)])
    b = write("b", [score("few", 0.9), score("most", 0.5)], settings=SETTINGS | {"seed": 8})
    folders = [str(run.folder) for run in (a, b)]
    assert main(["compare", *folders, "--csv", "out/differences.csv"]) == 1
    said = capsys.readouterr().out
    assert "seed     7  8" in said
    assert "0.500 [0.400, 0.600]  0.900 [0.800, 1.000]  -0.400 [-0.541, -0.259]" in said
    assert pd.read_csv("out/differences.csv")["state"].tolist() == ["beyond", "same"]
    assert main(["compare", folders[0], folders[0]]) == 0
