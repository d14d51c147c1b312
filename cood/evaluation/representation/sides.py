"""The codes of a model that are measured: of the images of a set, and of the texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cood.device_arrays import Array, index_of, moved
from cood.evaluation.common.nearest import normalise
from cood.vocabulary import Vocabulary

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Side:
    """Codes [n, d] of one space, and the composition id [n] of each."""

    space: str
    codes: Array
    compositions: np.ndarray

    def factors(self, words: Vocabulary) -> np.ndarray:
        """Attribute and object id [n, 2]."""
        ids = words.attribute_of(self.compositions), words.object_of(self.compositions)
        return np.stack(ids, axis=1)

    def of(self, compositions: np.ndarray) -> Side:
        """Its codes of some compositions only."""
        inside = np.flatnonzero(np.isin(self.compositions, compositions))
        return Side(self.space, self.codes[index_of(self.codes, inside)], self.compositions[inside])


def sides(
    tensors: dict[str, np.ndarray],
    truth: np.ndarray,
    words: Vocabulary,
    device: torch.device | None = None,
) -> Iterator[Side]:
    """Unit embeddings of every image of a set, and of the text of every composition."""
    for space, name, ids in (
        ("image", "images", truth),
        ("text", "compositions", np.arange(words.size)),
    ):
        yield Side(space, normalise(moved(tensors[name], device)), ids)
