import json
import os

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from cood.cli import main
from cood.curation.verification.human_review import VERIFIER, cohen, collect, fleiss
from cood.curation.verification.review_sheets import mark, plan, questions
from cood.errors import CoodError
from cood.files import read_table, write_table
from cood.settings.study_file import parse_study

SAMPLE = 40


@pytest.fixture
def save(copied, tmp_path):
    """Write the file of a rater who knows the truth, but for the images that `wrong` lists."""

    def make(name, wrong=(), left=(), **changes):
        rows = plan(copied, "ao", SAMPLE)
        answers = {}
        for k, row in rows.iterrows():
            truth = {
                about: "no" if row["decoy"] == about else "yes" for about in ("object", "attribute")
            }
            if k in wrong:
                truth["object"] = {"yes": "no", "no": "yes"}[truth["object"]]
            if k not in left:
                answers[str(k)] = truth
        whole = {"study": "tiny", "set": "ao", "rater": name, "sample": SAMPLE}
        whole |= {"plan": mark(rows, questions(copied, "ao")), "answers": answers, **changes}
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(whole))
        return path

    return make


def test_fleiss_kappa_of_the_example_of_the_paper():
    # Fleiss (1971) as given in Wikipedia: ten subjects, fourteen raters, five categories, 0.210.
    counts = [
        *([0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1]),
        *([7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7]),
    ]
    codes = np.array([np.repeat(range(5), row) for row in counts])
    assert fleiss(codes) == pytest.approx(0.210, abs=5e-4)


def test_cohen_kappa_against_scikit_learn():
    codes = np.random.default_rng(0).integers(0, 3, (50, 2))
    codes[:30, 1] = codes[:30, 0]
    assert cohen(codes) == pytest.approx(cohen_kappa_score(*codes.T))
    assert cohen(np.array([[0, 0], [1, 1]])) == 1
    assert np.isnan(cohen(np.ones((5, 2))))
    assert np.isnan(fleiss(np.ones((5, 3))))


def test_agreement_of_raters_is_what_was_planted(copied, save):
    rows = plan(copied, "ao", SAMPLE)
    real = rows.index[rows["decoy"] == ""]
    trap = rows.index[rows["decoy"] == "object"]
    files = [
        save("ann", wrong=real[:8]),
        save("bob", wrong=real[4:12]),
        save("cy", wrong=[*real[:8], trap[0]], left=[real[-1]]),
    ]
    table = collect(copied, "ao", files, print).set_index(["question", "metric", "who"])
    row = table.loc["object", "Cohen's kappa", "ann and bob"]
    # 4 said no by both, 4 by each alone: agreement 24 of 32, of which by chance (8² + 24²) / 32².
    chance = (8**2 + 24**2) / 32**2
    assert row["value"] == pytest.approx((24 / 32 - chance) / (1 - chance))
    assert row["low"] < row["value"] < row["high"]
    assert row["n"] == 32
    assert table.loc[("object", "Cohen's kappa", "ann and cy"), "value"] == 1
    assert table.loc[("object", "Cohen's kappa", "ann and cy"), "n"] == 31
    assert table.loc[("object", "Fleiss' kappa", "all raters"), "n"] == 31
    assert np.isnan(table.loc[("attribute", "Fleiss' kappa", "all raters"), "value"])  # all yes
    pair = table.loc["pair", "Cohen's kappa", "ann and bob"]
    assert pair["value"] == pytest.approx(row["value"])
    assert table.loc[("object", "decoys refused", "ann"), "value"] == 1
    assert table.loc[("object", "decoys refused", "cy"), "value"] == 3 / 4
    assert read_table(copied.paths.agreement("ao")).shape == (len(table), 7)
    said = read_table(copied.paths.review("ao"))
    assert said["rater"].value_counts().to_dict() == {"ann": 40, "bob": 40, "cy": 40}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "bob.json is not what a review sheet saves (file: invalid json"),
        ('{"study": "tiny", "set"', "(file: invalid json"),
        ('{"study": 1}', "(study: input should be a valid string"),
        ("[]", "(file: input should be an object"),
    ],
)
def test_a_damaged_file_is_skipped_in_one_sentence(copied, save, tmp_path, text, message, capsys):
    bad = tmp_path / "bob.json"
    bad.write_text(text)
    ann = save("ann")
    run = ["review", "--study", "tiny", "--set", "ao", "--collect"]
    assert main([*run, str(bad), str(ann)]) == 0
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert set(read_table(copied.paths.review("ao"))["rater"]) == {"ann"}
    assert main([*run, str(bad)]) == 1
    assert "no file of answers can be used" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"set": "oa"}, "is about set 'oa' of study 'tiny', not 'ao'"),
        ({"plan": "0"}, "have changed since the sheet was written"),
        ({"sample": 20}, "have changed since the sheet was written"),
        ({"answers": {"77": {"object": "yes"}}}, "there is no image '77' in its sample of 40"),
        (
            {"answers": {"7": {"object": "perhaps"}}},
            "answers.7.object: input should be 'yes', 'no'",
        ),
        ({"rater": "<b>"}, "rater: string should match pattern"),
        ({"more": 1}, "(file: unknown key 'more'"),
    ],
)
def test_answers_to_another_sheet_are_skipped(copied, save, changes, message):
    said = []
    with pytest.raises(CoodError, match="no file of answers"):
        collect(copied, "ao", [save("ann", **changes)], said.append)
    assert message in said[0]


def test_a_rater_counts_once_and_a_missing_file_is_named(copied, save):
    said = []
    ann = save("ann")
    collect(copied, "ao", [ann, ann, ann.with_name("no.json")], said.append)
    assert "another file has answers of ann already" in said[0]
    assert os.path.basename("no.json") in said[1]
    assert "No such file" in said[1]


def test_agreement_with_the_verifier_is_what_was_planted(copied, save, settings):
    rows = plan(copied, "ao", SAMPLE)
    real = rows.index[rows["decoy"] == ""]
    files = [save("ann", wrong=real[3:8])]
    settings["verification"] = {"model": "local-dir:vlm", "sets": ["ao"], "object_threshold": 0.6}
    study = parse_study({"name": "tiny", **settings}, "tiny.yaml")
    verified = read_table(copied.paths.manifest("ao")).set_index("image")
    verified = verified.assign(object_yes=0.9, attribute_yes=0.8)
    verified.loc[rows.loc[real[:6], "image"], "object_yes"] = 0.5  # below the threshold
    verified.loc[rows.loc[real[5:7], "image"], "attribute_yes"] = 0.1
    verified.loc[rows.loc[real[-1], "image"], ["object_yes", "attribute_yes"]] = np.nan  # not asked
    write_table(verified.reset_index(), study.paths.verified("ao"))
    table = collect(study, "ao", files, print).set_index(["question", "who"])["value"]
    place = np.arange(31)
    ann, verifier = (place >= 3) & (place < 8), place < 6
    who = f"ann and {VERIFIER}"
    assert table["object", who] == pytest.approx(cohen_kappa_score(ann, verifier))
    assert table["pair", who] == pytest.approx(cohen_kappa_score(ann, place < 7))
    assert table["attribute", who] == 0  # she always said yes
    n = read_table(study.paths.agreement("ao")).set_index(["question", "who"])["n"]
    assert [n[about, who] for about in ("object", "attribute", "pair")] == [31] * 3
