import numpy as np
import open_clip
import pandas as pd
import pytest
import torch

from cood.catalogue.sources import local_source
from cood.errors import CoodError, StudyError
from cood.factors.table import DSPRITES, SHAPES3D, TABLES
from cood.files import read_table
from cood.models.caption_forms import caption_form
from cood.models.clip import Clip
from cood.models.loading import load
from cood.models.small_clip import untrained_clip
from cood.models.training.factor_clip import NAMED, train_factor_model, training_captions
from cood.paths import Paths
from cood.settings import Towers
from cood.synthesis.scenes.splits import seen, training_scenes


def quiet(text):
    pass


def test_what_is_written(factored):
    folder = factored.paths.model("on-shapes")
    assert {file.name for file in folder.iterdir()} == {
        "open_clip_config.json",
        "open_clip_model.safetensors",
        "captions.parquet",
        "training.parquet",
    }
    settings = factored.factor_models["on-shapes"]
    shown = read_table(folder / "captions.parquet")
    scenes = training_scenes(factored, settings)
    np.testing.assert_array_equal(shown["scene"], scenes)
    assert set(shown["composition"]) <= set(seen(factored, settings))
    expected = training_captions(factored, settings, SHAPES3D.ids(scenes), "short")
    assert shown["caption"].tolist() == expected
    history = read_table(folder / "training.parquet")
    assert list(history["step"]) == [1, 2, 3, 4, 5]
    assert np.isfinite(history).all(axis=None)
    clip = load(local_source(folder))
    with torch.inference_mode():
        assert clip.model.encode_image(torch.zeros(1, 3, 32, 32)).shape == (1, 64)


def test_training_again_gives_the_same_bits(drawn_factors, copied_factors):
    before, after = (
        paths.model("on-shapes") / "open_clip_model.safetensors"
        for paths in (Paths(drawn_factors, "tiny"), copied_factors.paths)
    )
    assert before != after
    after.unlink()
    train_factor_model(copied_factors, "on-shapes", quiet)
    assert before.read_bytes() == after.read_bytes()


def test_captions_name_pairs_and_words_in_the_set_proportions(factored):
    settings = factored.factor_models["on-shapes"]
    ids = SHAPES3D.ids(np.random.default_rng(0).choice(SHAPES3D.size, 3000))
    words = SHAPES3D.word_ids(ids)
    captions = pd.Series(training_captions(factored, settings, ids, "sentence"))
    whole = captions == pd.Series(SHAPES3D.captions(words, "sentence"))
    pairs = SHAPES3D.pair_words.compositions()
    pair = captions == pd.Series([pairs[c] for c in SHAPES3D.compositions(ids)])
    # Four standard errors of the largest share.
    assert whole.mean() == pytest.approx(NAMED["all"], abs=0.037)
    assert pair.mean() == pytest.approx(NAMED["pair"], abs=0.037)
    rest = captions[~whole & ~pair]
    single = [
        [f.phrase.format(f.vocabulary[i]) for f, i in zip(SHAPES3D.factors, row, strict=True)]
        for row in words[rest.index]
    ]
    assert all(caption in known for caption, known in zip(rest, single, strict=True))


def test_an_unknown_model_or_tower(factored):
    with pytest.raises(StudyError, match=r"unknown factor model 'on-shaeps'; did you mean"):
        train_factor_model(factored, "on-shaeps", quiet)
    settings = factored.factor_models["on-shapes"].model_copy(update={"text_tower": "causl"})
    study = factored.model_copy(update={"factor_models": {"m": settings}})
    with pytest.raises(StudyError, match="unknown tower 'causl'; did you mean causal"):
        train_factor_model(study, "m", quiet)


def with_room(tokens):
    """A model whose tokeniser has room for so many tokens; its weights are not asked for."""
    tokenizer = open_clip.get_tokenizer("ViT-B-32", context_length=tokens)
    return Clip("m", torch.nn.Identity(), None, tokenizer, {})


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_the_form_of_captions_follows_the_context(table):
    assert caption_form(with_room(77), table) == "sentence"
    assert caption_form(untrained_clip(Towers(image_tower="resnet"), 0), table) == "short"
    with pytest.raises(CoodError, match=r"need \d+ tokens, and its text tower has room for 6"):
        caption_form(with_room(6), table)


def test_no_caption_of_the_chosen_form_is_cut():
    clip = untrained_clip(Towers(image_tower="resnet"), 0)
    for table in (SHAPES3D, DSPRITES):
        ids = table.ids(np.random.default_rng(0).choice(table.size, 2000))
        captions = table.captions(table.word_ids(ids), "short")
        room = clip.tokenize([""]).shape[1]
        assert not clip.tokenize(captions, context_length=64)[:, room:].any()
