"""What a model reads about a batch of images, and its answers: as few passes as it allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from cood.curation.verification.shared_prefix import Shared, answer_shared, share
from cood.curation.verification.verifier import Verifier, answer, inputs_of

# The inputs of a pass for each question, or of one pass for all.
Reading = list[Any] | Shared


def read(
    verifier: Verifier, images: Sequence[Image.Image], questions: Sequence[Sequence[str]]
) -> Reading:
    """Prepare the inputs, which needs no GPU.

    On a CPU each question is a pass by itself, so that the sums, and with them every bit of an
    answer, are those of the question alone.
    """
    if verifier.on_gpu:
        shared = share(verifier, images, questions)
        if shared is not None:
            return shared
    return [inputs_of(verifier, images, asked) for asked in questions]


def answers_to(verifier: Verifier, reading: Reading) -> list[tuple[np.ndarray, np.ndarray]]:
    """Probabilities of yes, and of yes and no, for each question; see `ask`."""
    if isinstance(reading, Shared):
        return answer_shared(verifier, reading)
    return [answer(verifier, inputs) for inputs in reading]
