import numpy as np
import pandas as pd
import pytest

from cood.catalogue.sources import local_source
from cood.errors import ArtefactError, StudyError
from cood.evaluation.accuracy.accuracy import score_accuracy
from cood.evaluation.accuracy.baselines import score_baselines
from cood.evaluation.collect import collect
from cood.evaluation.common.score_table import JOINED_SCORES, check, concat
from cood.evaluation.embed.embed import embed_model
from cood.evaluation.embed.factor_sets import CONTEXTS, prompts
from cood.evaluation.embed.texts import embed_texts
from cood.evaluation.factor_scores import (
    disentanglement,
    score_factor_sets,
    zero_shot,
)
from cood.evaluation.interventions.dimension_swap import swap_dimensions
from cood.evaluation.representation.representation_metrics import score_representation
from cood.factors.table import DSPRITES, SHAPES3D
from cood.files import read_table, read_tensors, write_tensors
from cood.models.loading import load
from cood.settings import Evaluation
from cood.synthesis.manifests import read_factor_manifest

COUNTS = {"floor_hue": 10, "wall_hue": 10, "object_hue": 10, "scale": 8, "shape": 4}


def quiet(text):
    pass


def test_what_is_embedded(factored):
    tensors, metadata = read_tensors(factored.paths.embeddings("published", "shapes"))
    shapes = {name: array.shape for name, array in tensors.items()}
    words = {f"words.{name}": (n, 64) for name, n in {**COUNTS, "orientation": 7}.items()}
    assert shapes == {"images": (60, 64), "captions": (60, 64), "pairs": (40, 64), **words}
    assert all(array.dtype == np.float32 for array in tensors.values())
    assert metadata["captions"] == "short"
    assert metadata["checkpoint"] == "published"
    clip = load(local_source(factored.paths.model("few")))
    manifest = read_factor_manifest(factored, "shapes")
    ids = SHAPES3D.word_ids(manifest[SHAPES3D.names].to_numpy())
    caption = SHAPES3D.captions(ids[17:18], "short")
    np.testing.assert_allclose(
        tensors["captions"][17], embed_texts(clip, caption, ["{}"])[0], atol=1e-5
    )
    np.testing.assert_allclose(np.linalg.norm(tensors["captions"], axis=1), 1, atol=1e-4)


def test_a_checkpoint_takes_all_factor_sets_a_factor_model_its_own_and_others_none(factored):
    paths = factored.paths
    assert paths.embeddings("published", "sprites").is_file()
    assert not paths.embeddings("few", "sprites").exists()
    assert paths.embeddings("on-shapes", "shapes").is_file()
    assert not paths.embeddings("on-shapes", "sprites").exists()
    assert factored.factor_sets_of("published") == ["shapes", "sprites"]
    assert factored.factor_sets_of("few") == []
    assert factored.factor_sets_of("on-shapes") == ["shapes"]
    with pytest.raises(StudyError, match="unknown model 'nobody'"):
        factored.factor_sets_of("nobody")


def test_prompts_of_a_class_hold_its_words_and_are_else_alike(factored, monkeypatch):
    seen = []

    def spy(clip, captions, templates, precision):
        seen.extend(captions)
        return np.arange(len(captions), dtype=np.float32)[:, None]

    monkeypatch.setattr("cood.evaluation.embed.factor_sets.embed_texts", spy)
    found = prompts(None, DSPRITES, "sentence", DSPRITES.pair, 7)
    assert found.shape == (18, 1)
    assert len(seen) == 18 * CONTEXTS
    classes = [seen[start : start + CONTEXTS] for start in range(0, len(seen), CONTEXTS)]
    for name, captions in zip(DSPRITES.pair_words.compositions(), classes, strict=True):
        scale, shape = name.rsplit(" ", 1)
        assert all(c.startswith(f"a {scale} white {shape} facing") for c in captions)
    endings = [[c.split(" facing ")[1] for c in captions] for captions in classes]
    assert all(ending == endings[0] for ending in endings)
    np.testing.assert_allclose(found[3, 0], np.arange(3 * CONTEXTS, 4 * CONTEXTS).mean())


@pytest.fixture
def perfect():
    """Scenes whose images are their factors, one axis a word, and texts that say just these."""
    ids = SHAPES3D.ids(np.random.default_rng(0).choice(SHAPES3D.size, 400, replace=False))
    words = SHAPES3D.word_ids(ids)
    sizes = [len(f.vocabulary) for f in SHAPES3D.factors]
    images = np.concatenate([np.eye(n)[words[:, k]] for k, n in enumerate(sizes)], axis=1)
    starts = np.cumsum([0, *sizes[:-1]])
    tensors = {"images": images, "captions": images}
    for name, start, n in zip(SHAPES3D.names, starts, sizes, strict=True):
        tensors[f"words.{name}"] = np.eye(sum(sizes))[start : start + n]
    pair = np.zeros((40, sum(sizes)))
    for c in range(40):
        pair[c, starts[2] + c // 4] = pair[c, starts[4] + c % 4] = 1
    return {**tensors, "pairs": pair}, ids


MEMBERS = {"unseen": np.arange(0, 40, 5), "seen": np.setdiff1d(np.arange(40), np.arange(0, 40, 5))}


def test_codes_that_are_the_factors_are_named_without_an_error(perfect):
    table = zero_shot(*(perfect[0], SHAPES3D, perfect[1], MEMBERS), Evaluation(resamples=100), 0)
    assert (table[["value", "low", "high"]] == 1).all(axis=None)
    every = table[table["metric"] == "factor_top1"]
    of_split = every.groupby("split")["n"].max()
    assert of_split["all"] == of_split["seen"] + of_split["unseen"] == 400
    factors = every[every["split"] == "all"].set_index("factor")
    assert factors["chance"].round(4).to_dict() == {
        **{name: round(1 / n, 4) for name, n in COUNTS.items()},
        "orientation": round(1 / 7, 4),
    }
    assert (factors["n"] == 400).all()
    pairs = table[table["metric"] == "pair_top1"].set_index(["split", "labels"])
    assert pairs["chance"].to_dict() == {
        ("unseen", "all"): 1 / 40,
        ("unseen", "own"): 1 / 8,
        ("seen", "all"): 1 / 40,
    }
    assert pairs["n"].loc[[("unseen", "all"), ("seen", "all")]].sum() == 400


def test_a_wrong_hue_costs_the_hue_and_the_pair_alone(perfect):
    tensors, ids = perfect
    spoilt = tensors["words.object_hue"]
    tensors["words.object_hue"] = np.roll(spoilt, 1, axis=0)
    tensors["pairs"] = np.roll(tensors["pairs"], 4, axis=0)
    table = zero_shot(tensors, SHAPES3D, ids, MEMBERS, Evaluation(resamples=100), 0)
    every = table[(table["metric"] == "factor_top1") & (table["split"] == "seen")]
    value = every.set_index("factor")["value"]
    assert value["object_hue"] == 0
    assert (value.drop("object_hue") == 1).all()
    whole = table[(table["metric"] == "pair_top1") & (table["labels"] == "all")]
    assert (whole["value"] == 0).all()


def test_noise_is_at_chance(perfect, factored):
    tensors, ids = perfect
    rng = np.random.default_rng(0)
    noise = {name: rng.normal(size=(len(a), 16)) for name, a in tensors.items()}
    table = zero_shot(noise, SHAPES3D, ids, MEMBERS, Evaluation(resamples=200), 0)
    spread = 5 * np.sqrt(table["chance"] * (1 - table["chance"]) / table["n"])
    assert ((table["value"] - table["chance"]).abs() < spread).all()


def test_scores_of_a_model(factored):
    table = read_table(factored.paths.model_factor_scores("published"))
    check(table)
    assert set(table["set"]) == {"shapes", "sprites"}
    assert set(table["space"]) == {"image", "text"}
    own = read_table(factored.paths.model_factor_scores("on-shapes"))
    assert set(own["split"]) == {"seen", "unseen", "core", "all"}
    assert set(table["split"]) == {"unseen", "all"}  # of a model that saw no scene
    for space in ("image", "text"):
        here = own[(own["metric"] == "explicitness") & (own["space"] == space)]
        here = here[here["granularity"] == "words"]
        assert here["factor"].tolist() == ["", *SHAPES3D.names]


def test_measures_of_codes_that_are_the_factors(perfect, factored):
    table = disentanglement(factored, perfect[0], SHAPES3D, perfect[1])
    whole = table[table["factor"] == ""]
    value = whole.set_index(["metric", "space", "granularity"])["value"]
    for space in ("image", "text"):
        assert value["explicitness", space, "words"] == pytest.approx(1, abs=0.01)
        assert value["dci_disentanglement", space, "words"] > 0.9
    # Fifteen orientations in seven words: the words are all there is in these codes.
    assert value["explicitness", "image", "values"] < value["explicitness", "image", "words"]


def test_z_diff_is_taken_once_and_beside_a_guess(perfect, parse, monkeypatch):
    asked = []

    def spy(codes, factors, *, metrics, nulls=("shuffled",), **settings):
        asked.append((codes.shape, tuple(metrics), tuple(nulls)))
        typed = {"factor": "", "null": "", "projection": "", "width": pd.NA}
        rows = {"metric": [*metrics, "coverage"], "value": 0.5, "chance": 0.1}
        return pd.DataFrame(rows | typed)

    monkeypatch.setattr("cood.evaluation.factor_scores.metric_table", spy)
    study = parse(representation_metrics={"metrics": ["mig", "z_diff", "z_min_variance"]})
    table = disentanglement(study, perfect[0], SHAPES3D, perfect[1])
    shape = perfect[0]["images"].shape
    quick, slow = (shape, ("mig",), ("shuffled",)), (shape, ("z_diff",), ())
    assert asked == [quick, slow, quick, slow, quick]
    z_diff = table[table["metric"] == "z_diff"]
    assert z_diff[["space", "granularity"]].to_numpy().tolist() == [
        ["image", "words"],
        ["text", "words"],
    ]
    assert (z_diff["chance"] == 1 / 6).all()
    assert (table.loc[table["metric"] == "mig", "chance"] == 0.1).all()


def test_scores_before_embedding_and_of_what_could_not_be_had(copied_factors):
    model = "published-too"
    with pytest.raises(ArtefactError, match=rf"{model}/shapes\.safetensors does not exist"):
        score_factor_sets(copied_factors, model)
    for set_ in ("shapes", "sprites"):
        write_tensors({}, copied_factors.paths.embeddings(model, set_), {"missing": "no network"})
    table = score_factor_sets(copied_factors, model)
    assert table[["set", "note", "n"]].to_numpy().tolist() == [
        ["shapes", "no network", 0],
        ["sprites", "no network", 0],
    ]


def test_a_checkpoint_that_cannot_be_had_leaves_a_reason(copied_factors, parse):
    study = copied_factors.model_copy(
        update={
            "models": {**copied_factors.models, **parse(models={"c": {"checkpoint": "x/y"}}).models}
        }
    )
    embed_model(study, "c", quiet)
    tensors, metadata = read_tensors(study.paths.embeddings("c", "sprites"))
    assert tensors == {}
    assert "x/y" in metadata["missing"]


def test_all_scores_are_joined_apart_from_those_of_the_zoo(copied_factors):
    names = ("published", "on-shapes")
    study = copied_factors.model_copy(
        update={
            "models": {"published": copied_factors.models["published"]},
            "factor_models": {"on-shapes": copied_factors.factor_models["on-shapes"]},
        }
    )
    score_baselines(study)
    for stage in (score_accuracy, swap_dimensions, score_representation):
        stage(study, "published")
    collect(study)
    joined = read_table(study.paths.factor_scores)
    check(joined, JOINED_SCORES)
    parts = [read_table(study.paths.model_factor_scores(name)) for name in names]
    pd.testing.assert_frame_equal(joined, concat(parts).drop(columns="seconds"))
    assert not study.paths.model_accuracy("on-shapes").exists()
