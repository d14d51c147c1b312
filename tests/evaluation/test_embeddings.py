import numpy as np
import pandas as pd
import pytest

from cood.errors import ArtefactError, MissingModelError
from cood.evaluation.common.half_precision import packed, smallest_cosine
from cood.evaluation.embeddings import (
    read_embeddings,
    read_truth,
    score_each_set,
    split_members,
)
from cood.files import write_tensors
from cood.splits import core, seen


def score(embedded):
    return pd.DataFrame([{"metric": "images", "value": len(embedded.tensors["images"]), "n": 1}])


def test_the_embeddings_of_a_set(copied):
    embedded = read_embeddings(copied, "few", "ao")
    assert embedded.set == "ao"
    assert len(embedded.tensors["images"]) == len(read_truth(copied, "ao")) == 40
    assert embedded.metadata["checkpoint"] == "few"
    (table,) = score_each_set(copied, "few", ["ao"], score)
    assert table[["model", "set", "value"]].to_numpy().tolist() == [["few", "ao", 40]]


def test_what_is_stored_in_half_precision_is_read_in_single(copied):
    path = copied.paths.embeddings("few", "ao")
    before = read_embeddings(copied, "few", "ao")
    halves = {name: packed(values) for name, values in before.tensors.items()}
    assert {values.dtype for values in halves.values()} == {np.dtype(np.float16)}
    write_tensors(halves, path, before.metadata)
    for name, values in read_embeddings(copied, "few", "ao").tensors.items():
        assert values.dtype == np.float32
        assert smallest_cosine(values, before.tensors[name]) > 1 - 1e-6


def test_a_missing_model_raises_its_reason_or_gives_a_row(copied):
    write_tensors({}, copied.paths.embeddings("most", "ao"), {"missing": "no network"})
    with pytest.raises(MissingModelError, match="no network"):
        read_embeddings(copied, "most", "ao")
    (table,) = score_each_set(copied, "most", ["ao"], score)
    assert table[["model", "set", "note"]].to_numpy().tolist() == [["most", "ao", "no network"]]


def test_embeddings_that_were_not_made_are_an_error(copied):
    with pytest.raises(ArtefactError, match=r"most/ao.safetensors does not exist"):
        list(score_each_set(copied, "most", ["ao"], score))


def test_members_of_the_splits(done):
    members = split_members(done, "few")
    assert set(members) == {"seen", "unseen", "core"}
    assert sorted([*members["seen"], *members["unseen"]]) == list(range(done.words.size))
    assert members["seen"].tolist() == sorted(seen(done, done.models["few"]))
    assert members["core"].tolist() == core(done).tolist()
    assert set(members["core"]) < set(members["unseen"])


def test_models_that_are_not_trained_here_have_seen_nothing(parse):
    study = parse(
        models={"few": {"share": 0.6}, "c": {"checkpoint": "ViT-B-32/laion2b_e16"}},
        null_models={"null": {"image_tower": "vit"}},
    )
    for name in ("c", "null"):
        members = split_members(study, name)
        assert set(members) == {"unseen"}
        assert members["unseen"].tolist() == list(range(20))
