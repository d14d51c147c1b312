"""Which form of captions a text tower has room for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from cood.errors import CoodError
from cood.factors.table import Table
from cood.models.loading import Clip

LONGEST = 128  # tokens; no caption comes near


def caption_form(clip: Clip, table: Table) -> str:
    """``sentence`` if the text tower has room for every caption so written, else ``short``.

    A caption that is cut would hide the factors that it names last.

    Raises
    ------
    CoodError
        If the tower has no room even for the short ones.
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
    return (place * (tokens != tokens[:, -1:])).amax(dim=1).numpy()  # the rest is padding
