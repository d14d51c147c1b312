"""Whether prompts fit a text tower: how many are cut, and how many classes then have one text."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from open_clip.tokenizer import SimpleTokenizer

from cood.models.clip import Clip

WITH_MASK = 3  # dimensions of token ids with their mask [n, 2, length]
BEYOND = 8  # tokens beyond the context that show whether a prompt goes on


class TextFit:
    """Counts over all prompts of some names.

    Parameters
    ----------
    what
        What is named, in the plural.
    """

    def __init__(self, what: str) -> None:
        self.what, self.prompts, self.cut, self.room = what, 0, 0, 0
        self._texts: dict[str, bytes] = {}  # digest of all tokens of a name

    def add(
        self, clip: Clip, names: Sequence[str], prompts: Sequence[str], tokens: torch.Tensor
    ) -> None:
        """Count names, their prompts (those of a name in succession) and tokens of the prompts."""
        self.prompts += len(prompts)
        self.room = tokens.shape[-1]
        self.cut += count_cut(clip, prompts, tokens)
        rows = tokens.reshape(len(names), -1).cpu().numpy()
        for name, row in zip(names, rows, strict=True):
            self._texts[name] = hashlib.blake2b(row.tobytes(), digest_size=16).digest()

    @property
    def alike(self) -> list[str]:
        """Names whose texts are those of another name; two that follow each other come first."""
        shared = Counter(self._texts.values())
        same = [name for name, text in self._texts.items() if shared[text] > 1]
        if same:
            first = self._texts[same[0]]
            same.sort(key=lambda name: self._texts[name] != first)
        return same

    @property
    def note(self) -> str:
        """What a reader of the scores must know; empty if all prompts fit and differ."""
        parts = []
        if self.cut:
            parts.append(
                f"{self.cut} of {self.prompts} prompts of {self.what} are longer than the "
                f"{self.room} tokens that the text tower reads, and are cut"
            )
        alike = self.alike
        if alike:
            parts.append(
                f"{len(alike)} of {len(self._texts)} {self.what} have the same text as another "
                f"({alike[0]!r} and {alike[1]!r}), so that no answer distinguishes them"
            )
        return "; ".join([*parts, "use shorter words or templates"]) if parts else ""


def count_cut(clip: Clip, prompts: Sequence[str], tokens: torch.Tensor) -> int:
    """How many prompts a tokeniser cuts; 0 if it cannot be asked for more tokens than it gives."""
    tokenise: Any = clip.tokenize
    inner = getattr(tokenise, "tokenizer", None)  # of transformers
    padding = 0 if isinstance(tokenise, SimpleTokenizer) else getattr(inner, "pad_token_id", None)
    if padding is None:
        return 0
    tokens = _ids(tokens)
    full = torch.nonzero(tokens[:, -2] != padding)[:, 0].tolist()  # the last may be an end token
    if not full:
        return 0
    try:
        longer = tokenise([prompts[k] for k in full], context_length=tokens.shape[1] + BEYOND)
    except TypeError:  # its length is fixed
        return 0
    used = [(rows != padding).sum(dim=1) for rows in (tokens[full], _ids(longer))]
    return int((used[1] > used[0]).sum())


def _ids(tokens: torch.Tensor) -> torch.Tensor:
    """Token ids [n, length], without the mask that may stand beside them."""
    return tokens[:, 0] if tokens.ndim == WITH_MASK else tokens
