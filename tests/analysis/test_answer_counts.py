import numpy as np
import pandas as pd
import pytest

from cood.analysis.answer_counts import answer_counts, load_answer_counts
from cood.analysis.results import plain_rows
from cood.errors import ArtefactError
from cood.evaluation.accuracy.accuracy import score_accuracy
from cood.evaluation.common.score_table import ANSWER_COUNTS, ANSWERS, check, complete
from cood.evaluation.embeddings import split_members
from cood.files import read_table, write_tensors
from cood.synthesis.manifests import read_manifest
from cood.vocabulary import Vocabulary

WORDS = Vocabulary(("red", "striped"), ("apple", "hat", "dog"))
SCORED = {
    "pair": "pair_top1",
    "attribute": "attribute_top1",
    "object": "object_top1",
    "attribute_alone": "attribute_alone_top1",
    "object_alone": "object_alone_top1",
}


def table(rows, set_="ao"):
    columns = ["composition", "seen", "core", "pair", "attribute", "object"]
    answers = pd.DataFrame(rows, columns=columns).assign(set=set_)
    return complete(answers.assign(image=[f"{i}.png" for i in answers.index]), ANSWERS)


# Of red hat (1), three images: all right; another object; only the object alone is right.
# Of striped dog (5), one image: right, but not the words alone.
ROWS = [
    (1, True, False, 1, 0, 1),
    (1, True, False, 2, 0, 2),
    (5, False, True, 5, 0, 0),
    (1, True, False, 3, 1, 1),
]


def test_known_counts():
    counts = answer_counts(table(ROWS), WORDS, "few")
    check(counts, ANSWER_COUNTS)
    assert counts.drop(columns=["model", "set"]).to_numpy().tolist() == [
        # composition, seen, core, n, pair, attribute, object, attribute alone, object alone
        [1, True, False, 3, 1, 2, 1, 2, 2],
        [5, False, True, 1, 1, 1, 1, 0, 0],
    ]
    assert set(counts["model"]) == {"few"}


def test_each_set_is_counted_by_itself():
    both = pd.concat([table(ROWS), table(ROWS[:1], "photos")], ignore_index=True)
    counts = answer_counts(both, WORDS, "few").set_index(["set", "composition"])["n"]
    assert counts.to_dict() == {("ao", 1): 3, ("ao", 5): 1, ("photos", 1): 1}


def test_a_model_without_answers_has_no_counts():
    counts = answer_counts(complete([], ANSWERS), WORDS, "few")
    check(counts, ANSWER_COUNTS)
    assert counts.empty


@pytest.fixture
def scored(copied):
    """Accuracy of `few`; `most` could not be loaded."""
    reason = {"missing": "no network"}
    write_tensors({}, copied.paths.embeddings("most", "ao"), reason)
    return copied, {name: score_accuracy(copied, name) for name in ("few", "most")}


def test_counts_add_up_to_the_scores_of_each_split(scored):
    study, scores = scored
    counts = load_answer_counts(study)
    members = split_members(study, "few")
    assert len(members["seen"])
    for split, compositions in members.items():
        own = counts[counts["composition"].isin(compositions)]
        for name, metric in SCORED.items():
            (row,) = plain_rows(
                scores["few"], split=split, metric=metric, space="image"
            ).itertuples()
            assert (own[name].sum() / own["n"].sum(), own["n"].sum()) == (row.value, row.n)


def test_answers_name_the_image_and_the_split(scored):
    study, _ = scored
    answers = read_table(study.paths.model_answers("few"))
    check(answers, ANSWERS)
    manifest, members = read_manifest(study, "ao"), split_members(study, "few")
    assert answers["image"].tolist() == manifest["image"].tolist()
    assert answers["composition"].tolist() == manifest["composition"].tolist()
    for split in ("seen", "core"):
        inside = np.isin(answers["composition"], members.get(split, []))
        np.testing.assert_array_equal(answers[split], inside)


def test_a_model_that_could_not_be_loaded_has_an_empty_table(scored):
    study, _ = scored
    answers = read_table(study.paths.model_answers("most"))
    check(answers, ANSWERS)
    assert answers.empty
    assert set(load_answer_counts(study)["model"]) == {"few"}


def test_missing_answers_are_named(scored):
    study, _ = scored
    study.paths.model_answers("most").unlink()
    with pytest.raises(ArtefactError, match=r"answers/most.parquet does not exist; `nox"):
        load_answer_counts(study)
