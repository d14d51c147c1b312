"""Asking several questions about an image that the model reads once.

The chats about an image are the same up to its last token; what the model has computed for them,
its key-value cache, serves all questions, and only their words are read for each. The sums are
those of separate chats in another order, so that answers agree to rounding. Only architectures
that a test compares with separate chats are asked so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from cood.curation.verification.verifier import Verifier, chats_of, inputs_of, yes_and_mass

# Values of `model_type`. Others may attend to an image from both sides, keep a window only, or
# place tokens by rules of their own.
SHARING = ("llava", "qwen2_5_vl")


@dataclass(frozen=True)
class Shared:
    """What a model reads about n images: once for all questions, and for each of q questions.

    Attributes
    ----------
    prefix
        Inputs of the model up to the last token of each image; tokens are [n, p].
    tails
        Tokens [n * q, t] behind the image, padded on the right; those of an image are neighbours.
    lasts
        Place of the last token of each tail [n * q].
    """

    prefix: Any
    tails: torch.Tensor
    lasts: torch.Tensor


def share(
    verifier: Verifier, images: Sequence[Image.Image], questions: Sequence[Sequence[str]]
) -> Shared | None:
    """What the model reads of q lists of questions, each with one for each image.

    None if the model is not known to allow it, or if the images differ in how many tokens they
    have, so that their caches do not fit together.
    """
    if verifier.model.config.model_type not in SHARING:
        return None
    image_token = verifier.model.config.image_token_id
    texts = [_text_tokens(verifier, images, asked) for asked in questions]
    split = [[_split(tokens, image_token) for tokens in asked] for asked in texts]
    inputs = inputs_of(verifier, images, questions[0])
    ids, real = inputs["input_ids"], inputs["attention_mask"].bool()
    whole = [_split(row[mask].tolist(), image_token) for row, mask in zip(ids, real, strict=True)]
    heads_agree = all(head == split[0][0][0] for asked in split for head, _ in asked)
    # What is read without the image must be what is read with it.
    tails_agree = all(a[1] == b[1] for a, b in zip(whole, split[0], strict=True))
    lengths = {len(head) for head, _ in whole}
    if not (heads_agree and tails_agree and len(lengths) == 1 and all(lengths)):
        return None
    kept = torch.stack([mask.nonzero()[: max(lengths), 0] for mask in real])
    prefix = type(inputs)(
        {
            key: value.gather(1, kept) if value.shape[:2] == ids.shape else value
            for key, value in inputs.items()
            if key != "attention_mask"
        }
    )
    tails = [torch.tensor(tail) for pair in zip(*split, strict=True) for _, tail in pair]
    return Shared(
        prefix,
        torch.nn.utils.rnn.pad_sequence(tails, batch_first=True),
        torch.tensor([len(tail) - 1 for tail in tails]),
    )


@torch.inference_mode()
def answer_shared(verifier: Verifier, shared: Shared) -> list[tuple[np.ndarray, np.ndarray]]:
    """The answers to each of the q lists of questions, as `ask` returns them."""
    model = verifier.model
    n_questions = len(shared.tails) // len(shared.prefix["input_ids"])
    prefix = shared.prefix.to(model.device, dtype=model.dtype)
    cache = model(**prefix, use_cache=True, logits_to_keep=1).past_key_values
    cache.batch_repeat_interleave(n_questions)
    # Tokens see only what stands before them, so what pads a tail on the right changes nothing.
    places, lasts = shared.lasts.unique(return_inverse=True)
    output = model(
        input_ids=shared.tails.to(model.device),
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=places.to(model.device),
    )
    logits = output.logits[torch.arange(len(lasts)), lasts.to(model.device)]
    yes, mass = yes_and_mass(verifier, logits)
    return [(yes[q::n_questions], mass[q::n_questions]) for q in range(n_questions)]


def _text_tokens(
    verifier: Verifier, images: Sequence[Image.Image], questions: Sequence[str]
) -> list[list[int]]:
    """Tokens of each chat, in which one token stands for the image."""
    processor = verifier.own_processor()
    texts = processor.apply_chat_template(
        chats_of(images, questions), add_generation_prompt=True, tokenize=False
    )
    return [processor.tokenizer.encode(text, add_special_tokens=False) for text in texts]


def _split(tokens: list[int], image_token: int) -> tuple[list[int], list[int]]:
    """Tokens up to the last one of the image, and those behind it."""
    if image_token not in tokens:
        return [], tokens
    border = len(tokens) - tokens[::-1].index(image_token)
    return tokens[:border], tokens[border:]
