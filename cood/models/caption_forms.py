"""Which form of captions fits the context of a text tower."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from cood.errors import CoodError
from cood.factors.table import Table
from cood.models.clip import Clip

LONGEST = 128  # tokens, far more than any caption has


def caption_form(clip: Clip, table: Table) -> str:
    """``sentence`` if every caption of that form fits the text tower's context, else ``short``.

    A truncated caption would lack the factors that it names last.

    Raises
    ------
    CoodError
        If not even the short captions fit.
    """
    longest = np.array([[_lengths(clip, f.vocabulary).argmax() for f in table.factors]])
    room = clip.tokenize([""]).shape[1]
    for form in ("sentence", "short"):
        (needed,) = _lengths(clip, table.captions(longest, form))
        if needed <= room:
            return form
    raise CoodError(
        f"{clip.source}: captions of {table.title} need {needed} tokens, and its text tower has "
        f"room for {room}; leave the set or the model out"
    )


def _lengths(clip: Clip, texts: Sequence[str]) -> np.ndarray:
    tokens: torch.Tensor = clip.tokenize(list(texts), context_length=LONGEST)
    place = torch.arange(1, LONGEST + 1)
    # The place of the last token that is not padding.
    return (place * (tokens != tokens[:, -1:])).amax(dim=1).numpy()
