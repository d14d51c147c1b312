"""Tokens of many prompts: words are encoded once, as prompts repeat them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from open_clip.tokenizer import SimpleTokenizer

from cood.errors import UnusableModelError
from cood.models.clip import Clip, model_errors

# Printable ASCII without the & of HTML: what the tokeniser's cleaning leaves as it is, but for case
# and spaces. Other prompts go through the tokeniser itself.
PLAIN = re.compile(r"[ -%'-~]*")


def tokens_of(clip: Clip, prompts: Sequence[str]) -> torch.Tensor:
    """Token ids [n, context] of prompts, as the tokeniser of a CLIP gives them.

    The tokeniser of OpenAI, which most CLIPs have, is written in Python and slower than a GPU is
    with the texts. It never joins what a space divides, so that each word is encoded once here.

    Raises
    ------
    UnusableModelError
        If the tokeniser gives no tensor [n, context], or a token that the text tower has no
        embedding of.
    """
    tokens = _tokens(clip, prompts)
    highest, words = int(tokens.max()), clip.words
    if words is not None and highest >= words:
        raise UnusableModelError(
            f"model {clip.source}: its tokeniser gives the number {highest}, and its text tower "
            f"has {words} words; correct vocab_size, or the tokeniser, in its configuration"
        )
    return tokens


def _checked(tokens: Any, n: int) -> torch.Tensor:
    """What a tokeniser gives, if it is a tensor with a row of whole numbers a prompt."""
    if not torch.is_tensor(tokens):
        raise TypeError(f"its tokeniser gives {type(tokens).__name__} instead of a tensor")
    if tokens.ndim < 2 or len(tokens) != n or tokens.is_floating_point():
        raise TypeError(
            f"its tokeniser gives {tokens.dtype} {list(tokens.shape)} instead of whole numbers "
            f"[{n}, length]"
        )
    return tokens


def _tokens(clip: Clip, prompts: Sequence[str]) -> torch.Tensor:
    tokenise: Any = clip.tokenize
    if (
        type(tokenise) is not SimpleTokenizer
        or tokenise.reduction_fn is not None
        or not all(map(PLAIN.fullmatch, prompts))
    ):
        with model_errors(clip.source):
            return _checked(tokenise(list(prompts)), len(prompts))
    length, known = tokenise.context_length, dict[str, list[int]]()
    tokens = np.zeros((len(prompts), length), dtype=np.int64)
    for row, prompt in zip(tokens, prompts, strict=True):
        ids = [tokenise.sot_token_id]
        for word in prompt.split():
            if word not in known:
                known[word] = tokenise.encode(word)
            ids += known[word]
        ids = [*ids[: length - 1], tokenise.eot_token_id]
        row[: len(ids)] = ids
    return torch.from_numpy(tokens)
