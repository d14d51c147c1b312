"""Two questions about an image that is read once, against a chat for each, in double precision."""

import copy
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from cood.curation.verification.shared_prefix import SHARING, answer_shared, share
from cood.curation.verification.verifier import Verifier, ask, load_verifier
from cood.settings import Verification
from cood.settings.study_file import load_study

from .conftest import WORDS

OBJECTS = ["does this image show a red apple", "show a dog", "a hat"]
ATTRIBUTES = ["is the apple in this image red", "is the dog blue or brick", "striped"]
PATCH = 14
CHAT = (
    "{% for m in messages %}<start>{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<vision><|image_pad|>{% else %} {{ c['text'] }}{% endif %}"
    "{% endfor %}<end>{% endfor %} answer"
)


def qwen():
    """A Qwen2.5-VL of tiny parts, whose positions have three axes."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        PreTrainedTokenizerFast,
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
        Qwen2VLImageProcessor,
        Qwen2VLVideoProcessor,
    )

    special = ["<pad>", "<unk>", "<start>", "<end>", "<vision>", "<|image_pad|>", "<|video_pad|>"]
    vocabulary = {word: number for number, word in enumerate([*special, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        unk_token="<unk>",
        additional_special_tokens=special[2:],
        padding_side="left",
    )
    size = {"shortest_edge": (2 * PATCH) ** 2, "longest_edge": (8 * PATCH) ** 2}
    processor = Qwen2_5_VLProcessor(
        Qwen2VLImageProcessor(size=size), fast, Qwen2VLVideoProcessor(), chat_template=CHAT
    )
    width = {"hidden_size": 32, "intermediate_size": 64}
    vision = {"depth": 2, "num_heads": 2, "out_hidden_size": 32, "fullatt_block_indexes": [1]}
    text = {"num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2}
    text |= {"vocab_size": len(vocabulary), "bos_token_id": None, "eos_token_id": 3}
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3]}
    config = Qwen2_5_VLConfig(
        vision_config={**width, **vision, "window_size": 4 * PATCH},
        text_config={**width, **text, "pad_token_id": 0, "rope_parameters": rope},
        image_token_id=vocabulary["<|image_pad|>"],
        video_token_id=vocabulary["<|video_pad|>"],
        vision_start_token_id=vocabulary["<vision>"],
        vision_end_token_id=vocabulary["<end>"],
    )
    torch.manual_seed(0)
    model = Qwen2_5_VLForConditionalGeneration(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(8 if weight.ndim > 1 else 1)
    words = [[vocabulary[word] for word in pair] for pair in (("yes", "Yes"), ("no", "No"))]
    return Verifier(model.eval(), processor, *words)


@pytest.fixture(scope="module")
def verifiers(verifier_folder, built):
    """A model of each architecture that may share, in double precision."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(built)
        settings = Verification(model=f"local-dir:{verifier_folder}", sets=["ao"])
        found = [load_verifier(load_study("tiny"), settings), qwen()]
    return {v.model.config.model_type: replace(v, model=v.model.double()) for v in found}


def pictures(*sizes):
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 256, (h, w, 3), dtype=np.uint8)) for w, h in sizes]


def test_every_architecture_that_shares_is_tested(verifiers):
    assert set(verifiers) == set(SHARING)


@pytest.mark.parametrize("name", SHARING)
def test_answers_are_those_of_separate_chats(verifiers, name):
    verifier, images = verifiers[name], pictures((56, 84), (56, 84), (56, 84))
    together = answer_shared(verifier, share(verifier, images, [OBJECTS, ATTRIBUTES]))
    for asked, found in zip((OBJECTS, ATTRIBUTES), together, strict=True):
        apart = [ask(verifier, [image], [q]) for image, q in zip(images, asked, strict=True)]
        expected = np.array(apart)[..., 0].T
        assert np.ptp(expected[0]) > 1e-3  # images or questions that differ have other answers
        # The norms of these models compute in single precision whatever their weights are.
        np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("name", SHARING)
def test_the_image_is_read_once(verifiers, name, monkeypatch):
    verifier, images = verifiers[name], pictures((56, 56), (56, 56))
    seen, real = [], verifier.model.forward

    def forward(*given, **options):
        seen.append((options["input_ids"].shape[0], "pixel_values" in options))
        return real(*given, **options)

    monkeypatch.setattr(verifier.model, "forward", forward)
    answer_shared(verifier, share(verifier, images, [OBJECTS[:2], ATTRIBUTES[:2]]))
    assert seen == [(2, True), (4, False)]


def test_images_of_other_lengths_are_asked_apart(verifiers):
    images = pictures((56, 56), (84, 56))
    assert share(verifiers["qwen2_5_vl"], images, [OBJECTS[:2], ATTRIBUTES[:2]]) is None
    assert share(verifiers["llava"], images, [OBJECTS[:2], ATTRIBUTES[:2]]) is not None


def test_a_chat_that_asks_before_the_image_is_asked_apart(verifiers):
    verifier = verifiers["llava"]
    processor = copy.deepcopy(verifier.processor)
    processor.chat_template = (
        "{% for m in messages %}{% for c in m['content']|reverse %}"
        "{% if c['type'] == 'image' %}<image>{% else %}{{ c['text'] }} {% endif %}"
        "{% endfor %}{% endfor %}"
    )
    other = Verifier(verifier.model, processor, verifier.yes, verifier.no)
    assert share(other, pictures((56, 56)), [OBJECTS[:1], ATTRIBUTES[:1]]) is None


def test_an_unknown_architecture_is_asked_apart():
    model = SimpleNamespace(config=SimpleNamespace(model_type="other"))
    other = Verifier(model, None, [], [])
    assert share(other, pictures((56, 56)), [OBJECTS[:1], ATTRIBUTES[:1]]) is None
