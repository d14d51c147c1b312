import dataclasses
import json
from contextlib import contextmanager

import numpy as np
import open_clip
import pytest
import torch
from open_clip.tokenizer import SimpleTokenizer

from cood import imagenet
from cood.catalogue.sources import local_source
from cood.evaluation.embed import texts as module
from cood.evaluation.embed.texts import embed_ensembles, embed_texts
from cood.evaluation.embed.tokens import tokens_of
from cood.models.clip import Clip, text_tower
from cood.models.loading import load
from cood.models.small_clip import save_clip, untrained_clip
from cood.settings import Towers
from cood.vocabulary import CATEGORY, TEMPLATES, fill

NAMES = ["red apple", "moss covered fountain pen", "hat", "blue plaid ice cream"]


@pytest.fixture(scope="module")
def causal():
    clip = untrained_clip(Towers(image_tower="resnet"), seed=0)
    clip.model.eval()
    return clip


@pytest.fixture(scope="module")
def bidirectional():
    clip = untrained_clip(Towers(image_tower="resnet", text_tower="bidirectional"), seed=0)
    clip.model.eval()
    return clip


def built_in(name):
    """An architecture of open_clip with random weights."""
    torch.manual_seed(0)
    model = open_clip.create_model(name).eval()
    config = open_clip.get_model_config(name)
    return Clip(name, model, None, open_clip.get_tokenizer(name), config)


def lengths_taken(clip, names, **options):
    """Numbers of tokens that the text tower was given."""
    taken = []

    def note(text):
        taken.append(text.shape[1])
        return type(clip.model).encode_text(clip.model, text)

    clip.model.encode_text = note
    try:
        embed_texts(clip, names, TEMPLATES, **options)
    finally:
        del clip.model.encode_text
    return set(taken)


@pytest.mark.parametrize("names", [NAMES, NAMES[2:3], ["hat " * 40]])
def test_a_shorter_context_changes_nothing_for_a_causal_tower(causal, names):
    short = embed_texts(causal, names, TEMPLATES)
    whole = embed_texts(causal, names, TEMPLATES, shorten=False)
    np.testing.assert_allclose(short, whole, atol=1e-5)
    assert short.dtype == np.float32


# With the text tower inside the model (ViT) and apart from it (a custom text model).
@pytest.mark.parametrize("name", ["ViT-S-32-alt", "EVA02-B-16"])
def test_a_shorter_context_changes_nothing_for_models_of_open_clip(name):
    clip = built_in(name)
    assert clip.causal_text
    whole = embed_texts(clip, NAMES[:2], TEMPLATES[:2], shorten=False)
    np.testing.assert_allclose(embed_texts(clip, NAMES[:2], TEMPLATES[:2]), whole, atol=1e-5)
    assert max(lengths_taken(clip, NAMES[:2])) < 20


def test_the_context_is_cut_and_put_back(causal):
    tower = text_tower(causal.model)
    context = tower.positional_embedding.shape[0]
    before = tower.positional_embedding, tower.attn_mask
    assert lengths_taken(causal, ["hat"]) == {7}  # start, a photo of a hat, end
    assert lengths_taken(causal, ["hat"], shorten=False) == {context}
    assert before == (tower.positional_embedding, tower.attn_mask)
    assert tower.positional_embedding.shape[0] == context


def test_the_context_is_put_back_after_an_error(causal):
    tower = text_tower(causal.model)
    before = tower.positional_embedding
    with pytest.raises(ZeroDivisionError), module._context(causal.model, 4):  # noqa: PT012
        assert tower.positional_embedding.shape[0] == 4
        raise ZeroDivisionError
    assert tower.positional_embedding is before


def test_a_tower_that_looks_at_the_padding_is_left_whole(bidirectional):
    assert not bidirectional.causal_text
    context = bidirectional.config["text_cfg"]["context_length"]
    assert lengths_taken(bidirectional, ["hat"]) == {context}
    np.testing.assert_array_equal(
        embed_texts(bidirectional, NAMES, TEMPLATES),
        embed_texts(bidirectional, NAMES, TEMPLATES, shorten=False),
    )


@torch.inference_mode()
def test_cutting_would_change_a_tower_that_looks_at_the_padding(causal, bidirectional):
    change = {}
    for clip in (causal, bidirectional):
        tower = text_tower(clip.model)
        tokens = clip.tokenize(["hat"])
        length = int((tokens != 0).sum())
        whole = clip.model.encode_text(tokens, normalize=True)
        position, mask = tower.positional_embedding, tower.attn_mask
        tower.positional_embedding = torch.nn.Parameter(position[:length], requires_grad=False)
        tower.attn_mask = None if mask is None else mask[:length, :length]
        cut = clip.model.encode_text(tokens[:, :length], normalize=True)
        tower.positional_embedding, tower.attn_mask = position, mask
        change[clip.source] = float((whole - cut).abs().max())
    assert change["resnet-causal-64-softmax"] < 1e-5
    assert change["resnet-bidirectional-64-softmax"] > 0.01


def test_a_prompt_with_token_zero_is_not_cut_short(causal):
    templates = ["a {} !="]
    assert (causal.tokenize(["a hat !="])[0, :5] == 0).any()
    short = embed_texts(causal, ["hat"], templates)
    np.testing.assert_allclose(
        short, embed_texts(causal, ["hat"], templates, shorten=False), atol=1e-5
    )


@pytest.mark.parametrize("which", ["causal", "bidirectional"])
def test_many_classes_at_once_are_one_at_a_time(request, monkeypatch, which):
    clip = request.getfixturevalue(which)
    together = embed_texts(clip, NAMES, TEMPLATES)
    alone = np.concatenate([embed_texts(clip, [name], TEMPLATES) for name in NAMES])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    monkeypatch.setattr(module, "TEXT_BATCH", 3)
    np.testing.assert_allclose(embed_texts(clip, NAMES, TEMPLATES), together, atol=1e-5)


@torch.inference_mode()
def test_templates_are_averaged_after_normalising(causal):
    found = embed_texts(causal, ["hat"], TEMPLATES)
    units = [
        causal.model.encode_text(causal.tokenize([t.format("hat")]), normalize=True)
        for t in TEMPLATES
    ]
    np.testing.assert_allclose(found, torch.cat(units).mean(dim=0, keepdim=True), atol=1e-5)
    assert np.linalg.norm(embed_texts(causal, ["hat"], TEMPLATES[:1])) == pytest.approx(1)
    assert np.linalg.norm(found) < 1


def test_cutting_follows_the_configuration(causal):
    config = json.loads(json.dumps(causal.config))
    config["text_cfg"]["pool_type"] = "last"
    clip = dataclasses.replace(causal, config=config)
    assert not clip.causal_text
    assert lengths_taken(clip, ["hat"]) == {config["text_cfg"]["context_length"]}


def test_a_saved_bidirectional_model_stays_so(bidirectional, tmp_path):
    save_clip(bidirectional, tmp_path)
    clip = load(local_source(tmp_path))
    assert not clip.causal_text
    np.testing.assert_array_equal(
        embed_texts(clip, NAMES, TEMPLATES), embed_texts(bidirectional, NAMES, TEMPLATES)
    )


def test_prompts_have_the_article_of_their_sound_or_stay_as_they_are_written(causal):
    filled = embed_texts(causal, ["orange hat", "hat"], ["a drawing of a {}"])
    literal = embed_texts(causal, ["orange hat", "hat"], ["a drawing of a {}"], literal=True)
    written = ["a drawing of an orange hat", "a drawing of a orange hat", "a drawing of a hat"]
    right, wrong, hat = embed_texts(causal, written, ["{}"])
    np.testing.assert_allclose(filled, [right, hat], atol=1e-5)
    np.testing.assert_allclose(literal, [wrong, hat], atol=1e-5)
    assert np.abs(right - wrong).max() > 1e-3


def test_several_ensembles_are_read_at_once(causal):
    ensembles = {"": TEMPLATES, "bare": ["{}"], "photo": [TEMPLATES[0]]}
    found = embed_ensembles(causal, NAMES, ensembles)
    assert list(found) == list(ensembles)
    for key, templates in ensembles.items():
        expected = embed_texts(causal, NAMES, templates)
        np.testing.assert_allclose(found[key], expected, atol=1e-6)


@torch.inference_mode()
def by_hand(clip, names, templates):
    """The plain road: every prompt by itself, with its whole context."""
    means = []
    for name in names:
        tokens = torch.cat([clip.tokenize([fill(t, name)]) for t in templates])
        means.append(clip.model.encode_text(tokens, normalize=True).mean(dim=0))
    return torch.stack(means).numpy()


@pytest.mark.parametrize("which", ["causal", "bidirectional"])
@pytest.mark.parametrize("block", [2**15, 7])
def test_sorted_texts_are_those_of_the_plain_road(request, monkeypatch, which, block):
    clip = request.getfixturevalue(which)
    monkeypatch.setattr(module, "TEXT_BATCH", 4)
    monkeypatch.setattr(module, "TEXT_BLOCK", block)
    templates = [*TEMPLATES, "a {} that is not small, not large, and not of any other size at all"]
    found = embed_texts(clip, NAMES, templates)
    np.testing.assert_allclose(found, by_hand(clip, NAMES, templates), rtol=0, atol=1e-6)


def test_texts_that_are_not_finite_are_embedded_again_in_single_precision(causal, monkeypatch):
    expected, noted, precisions = embed_texts(causal, NAMES, TEMPLATES), [], []

    @contextmanager
    def computing(precision, device):
        precisions.append(precision)
        with torch.inference_mode():
            yield

    fountain = causal.tokenize(["fountain"])[0, 1]

    def encode_text(text):
        made = type(causal.model).encode_text(causal.model, text)
        wrong = (text == fountain).any(dim=1)
        return torch.where(wrong[:, None], torch.inf, made) if precisions[-1] == "half" else made

    monkeypatch.setattr(module, "computing", computing)
    monkeypatch.setattr(module, "resolve", lambda precision, device: precision)
    monkeypatch.setattr(module, "TEXT_BATCH", 2)
    monkeypatch.setattr(causal.model, "encode_text", encode_text, raising=False)
    found = embed_texts(causal, NAMES, TEMPLATES, precision="half", note=noted.append)
    assert precisions == ["half", "single"]
    assert noted == [1]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


ODD = [
    "",
    "  two   spaces ",
    "A1 b2's 3,000-year",
    "_under_score",
    "naïve café",
    "a &amp; b",
    "x" * 400,
]


@pytest.mark.parametrize("clean", ["lower", "canonicalize", "whitespace"])
def test_tokens_of_words_are_tokens_of_the_prompt(causal, clean):
    tokenise = SimpleTokenizer(context_length=16, clean=clean)
    clip = dataclasses.replace(causal, tokenize=tokenise)
    words = [*imagenet.objects()[:200], *CATEGORY]
    prompts = [fill(t, word) for word in words for t in TEMPLATES]
    assert torch.equal(tokens_of(clip, prompts), tokenise(prompts))
    for odd in ODD:
        assert torch.equal(tokens_of(clip, [odd]), tokenise([odd]))


def test_only_tokenisers_that_are_known_are_replaced(causal):
    calls = []

    def tokenise(texts):
        calls.append(texts)
        return torch.zeros(len(texts), 4, dtype=torch.long)

    assert tokens_of(dataclasses.replace(causal, tokenize=tokenise), ("a", "b")).shape == (2, 4)
    assert calls == [["a", "b"]]
