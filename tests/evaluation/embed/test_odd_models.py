"""Models that load, and whose embeddings no score can be computed from: a row, or a note."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from cood.catalogue.sources import local_source
from cood.errors import UnusableModelError
from cood.evaluation.accuracy.accuracy import score_accuracy
from cood.evaluation.embed import embed as module
from cood.evaluation.embed.checks import check_embeddings
from cood.evaluation.embed.embed import embed_model
from cood.evaluation.embed.text_fit import TextFit
from cood.evaluation.embed.texts import embed_texts
from cood.evaluation.embed.tokens import tokens_of
from cood.evaluation.embeddings import read_metadata
from cood.files import left_out
from cood.models.clip import Clip
from cood.models.loading import load
from cood.models.small_clip import untrained_clip
from cood.settings import Towers


def quiet(text):
    pass


@pytest.fixture(scope="module")
def clip():
    made = untrained_clip(Towers(image_tower="resnet"), seed=0)
    made.model.eval()
    return made


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([[1, np.nan], [1, 2]], "1 of the 2 embeddings of texts hold NaN or infinity"),
        ([[1, 0], [0, np.inf]], "1 of the 2 embeddings of texts hold NaN or infinity"),
        ([[1, 0], [1e30, 1e30]], "hold NaN or infinity"),  # the length overflows
        ([[0, 0], [1, 2]], "1 of the 2 embeddings of texts are zero"),
        ([[1, 2], [1, 2]], "the 2 embeddings of texts are all the same"),
        ([[1, 2], [2, 4], [0.5, 1]], "the 3 embeddings of texts are all the same"),
    ],
)
def test_embeddings_of_no_use_are_refused(rows, said):
    with pytest.raises(UnusableModelError, match=said):
        check_embeddings("mine", "texts", np.array(rows, np.float32))


def test_embeddings_that_differ_a_little_are_used():
    rows = np.ones((5000, 8), np.float32)
    rows[4999, 0] = 1.001
    check_embeddings("mine", "texts", rows)
    check_embeddings("mine", "texts", rows[:1])


def test_a_tokeniser_with_more_words_than_the_text_tower(clip):
    few = torch.nn.Embedding(1000, 64)
    narrow = dataclasses.replace(clip, model=torch.nn.Module())
    narrow.model.token_embedding = few
    with pytest.raises(UnusableModelError, match="number 49407, and its text tower has 1000 words"):
        tokens_of(narrow, ["a red hat"])


def short(context):
    """A CLIP that reads few tokens."""
    made = untrained_clip(Towers(image_tower="resnet"), seed=0)
    config = {**made.config, "text_cfg": {**made.config["text_cfg"], "context_length": context}}
    tokenise = type(made.tokenize)(context_length=context)
    model = made.model.eval()
    model.context_length = context
    model.positional_embedding = torch.nn.Parameter(model.positional_embedding[:context])
    model.attn_mask = model.attn_mask[:context, :context]
    return dataclasses.replace(made, config=config, tokenize=tokenise)


NAMES = ["blue plaid coffee mug", "red hat", "blue plaid wine bottle", "blue plaid bus"]


def test_prompts_that_are_cut_are_counted_with_the_texts_that_are_equal():
    fit = TextFit("compositions")
    embed_texts(short(8), NAMES, ["a photo of a {}"], fit=fit)
    # Two tokens of the name are read: "blue plaid bus" is cut too.
    assert (fit.cut, fit.prompts) == (3, 4)
    assert fit.alike == [NAMES[0], NAMES[2], NAMES[3]]
    assert fit.note == (
        "3 of 4 prompts of compositions are longer than the 8 tokens that the text tower reads, "
        "and are cut; 3 of 4 compositions have the same text as another ('blue plaid coffee mug' "
        "and 'blue plaid wine bottle'), so that no answer distinguishes them; use shorter words or "
        "templates"
    )


def test_a_prompt_that_just_fits_is_not_cut(clip):
    for context, cut in ((9, 2), (10, 0), (11, 0)):
        fit = TextFit("compositions")
        embed_texts(short(context), NAMES, ["a photo of a {}"], fit=fit)
        assert fit.cut == cut
    assert fit.note == ""


def test_names_that_differ_in_one_template_are_not_equal():
    fit = TextFit("compositions")
    embed_texts(short(8), NAMES, ["a photo of a {}", "{}"], fit=fit)
    assert fit.cut == 3
    assert fit.alike == []


def test_the_same_name_twice_is_no_other_name(clip):
    fit = TextFit("texts")
    embed_texts(clip, ["crane", "crane", "hat"], ["{}"], fit=fit)
    assert fit.note == ""


class Padded:
    """A tokeniser of transformers, as far as it is asked: a number a word, 1 as end and padding."""

    class tokenizer:
        pad_token_id = 1

    def __call__(self, texts, context_length=4):
        rows = [[2 + len(word) for word in text.split()][: context_length - 1] for text in texts]
        return torch.tensor([row + [1] * (context_length - len(row)) for row in rows])


def test_a_tokeniser_that_pads_with_its_end_token(clip):
    other = dataclasses.replace(clip, tokenize=Padded())
    fit = TextFit("texts")
    for text in ("a b c", "a b", "a b c d", "a b c e f"):
        fit.add(other, [text], [text], other.tokenize([text]))
    assert (fit.cut, fit.prompts) == (2, 4)


class Odd(Clip):
    """A CLIP whose images all have one embedding."""

    def encode_image(self, pixels):
        return torch.ones(len(pixels), 4)


def test_a_model_of_no_use_costs_a_row_and_is_not_tried_again(copied, parse, monkeypatch, clip):
    def load_odd(study, model, say):
        return Odd(**vars(clip))

    study = parse(models={"c": {"checkpoint": local_source(copied.paths.model("few"))}})
    lines = []
    monkeypatch.setattr(module, "load_clip", load_odd)
    embed_model(study, "c", lines.append)
    assert "embeddings of images of ao are all the same" in lines[-1]
    metadata = read_metadata(study, "c", "ao")
    assert "all the same" in metadata["missing"]
    assert left_out(study.paths.embeddings("c", "ao")) is None  # final
    assert "all the same" in score_accuracy(study, "c")["note"].item()


def test_an_error_of_a_model_names_it(clip):
    pixels = torch.zeros(1, 4, 32, 32)  # four channels
    with pytest.raises(UnusableModelError, match="cannot embed its input"), torch.inference_mode():
        clip.encode_image(pixels)


def test_notes_stand_beside_the_scores(copied, parse):
    folder = copied.paths.model("few")
    file = folder / "open_clip_config.json"
    settings = json.loads(file.read_text())
    del settings["preprocess_cfg"]
    file.write_text(json.dumps(settings))
    study = parse(models={"c": {"checkpoint": local_source(folder)}})
    embed_model(study, "c", quiet)
    (note,) = json.loads(read_metadata(study, "c", "ao")["notes"])
    assert "gives no mean and std" in note
    for stage in (score_accuracy,):
        stage(study, "c")
    assert load(local_source(folder)).notes == (note,)
