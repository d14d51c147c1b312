"""Asking a vision-language model of transformers questions with the answer yes or no.

The answer is read from the probabilities of the next token, those of "yes" against those of "no":
nothing is sampled and no text is parsed. On a CPU images are asked about one by one, so that the
numbers do not depend on how batches are filled; on a GPU the batches are the same in every run.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from cood.catalogue.sources import LOCAL
from cood.devices import best_device
from cood.errors import CoodError
from cood.settings import Verification
from cood.settings.study_file import Study

# Tokenisers differ in whether the first word of an answer has a capital or a blank in front.
FORMS = ("{}", " {}", "{} ")


@dataclass(frozen=True)
class Verifier:
    """A model with its processor, and the ids of the tokens that mean yes and no."""

    model: Any
    processor: Any
    yes: list[int]
    no: list[int]
    _copies: threading.local = field(default_factory=threading.local, compare=False)
    _copying: threading.Lock = field(default_factory=threading.Lock, compare=False)

    @property
    def on_gpu(self) -> bool:
        """Whether the model is on a GPU."""
        return bool(self.model.device.type != "cpu")

    def own_processor(self) -> Any:
        """The processor of this thread, as a tokeniser can only be used by one at a time."""
        if not hasattr(self._copies, "processor"):
            with self._copying:
                self._copies.processor = copy.deepcopy(self.processor)
        return self._copies.processor


def load_verifier(study: Study, settings: Verification) -> Verifier:
    """Load the model of the study's verification, on the GPU if there is one.

    Weights are read from safetensors only, and no code of a repository is run.

    Raises
    ------
    CoodError
        If it cannot be loaded, or cannot be asked: it has no chat template, or no token for yes.
    """
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    source = settings.model
    if source.startswith(LOCAL):
        source = str(study.paths.root / Path(source.removeprefix(LOCAL)).expanduser())
    device = best_device()
    dtype = getattr(torch, settings.precision) if device.type != "cpu" else torch.float32
    options = {"revision": settings.revision, "trust_remote_code": False}
    try:
        if settings.model.startswith(LOCAL) and not Path(source).is_dir():
            raise FileNotFoundError("there is no such folder")
        processor = transformers.AutoProcessor.from_pretrained(source, **options)
        model: Any = transformers.AutoModelForImageTextToText.from_pretrained(
            source, dtype=dtype, use_safetensors=True, **options
        )
    except Exception as error:  # transformers, safetensors and the hub raise errors of many kinds
        reason = " ".join(str(error).split())[:300]
        raise CoodError(f"verifier {settings.model} cannot be loaded: {reason}") from error
    if not getattr(processor, "chat_template", None):
        raise CoodError(
            f"verifier {settings.model} has no chat template, so it was not trained to answer "
            "questions; use a model that was, most often called instruct or chat"
        )
    processor.tokenizer.padding_side = "left"  # the next token follows the last one
    yes, no = (_tokens(processor.tokenizer, word) for word in ("yes", "no"))
    if not (yes and no):
        raise CoodError(
            f"verifier {settings.model}: its tokeniser has no token of its own for yes or for no; "
            "name another model"
        )
    return Verifier(model.to(device).eval(), processor, yes, no)


def ask(
    verifier: Verifier, images: Sequence[Image.Image], questions: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Ask one question about each image, all in one batch.

    Parameters
    ----------
    verifier, images, questions
        The model, RGB images, and a question for each.

    Returns
    -------
    yes : ndarray of float64, shape (n,)
        Probability of yes among yes and no.
    mass : ndarray of float64, shape (n,)
        Probability of yes and no together, among all tokens: near 0 if the model would rather say
        something else, so that `yes` means little.
    """
    return answer(verifier, inputs_of(verifier, images, questions))


def chats_of(images: Sequence[Image.Image], questions: Sequence[str]) -> list[list[dict[str, Any]]]:
    """A chat for each image that shows it, and then asks."""
    return [
        [
            {
                "role": "user",
                "content": [{"type": "image", "image": image}, {"type": "text", "text": question}],
            }
        ]
        for image, question in zip(images, questions, strict=True)
    ]


def inputs_of(verifier: Verifier, images: Sequence[Image.Image], questions: Sequence[str]) -> Any:
    """What the model reads for a question about each image, padded on the left."""
    return verifier.own_processor().apply_chat_template(
        chats_of(images, questions),
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        processor_kwargs={"padding": True},
    )


@torch.inference_mode()
def answer(verifier: Verifier, inputs: Any) -> tuple[np.ndarray, np.ndarray]:
    """The answers to what `inputs_of` gives, as `ask` returns them."""
    model = verifier.model
    output = model.generate(
        **inputs.to(model.device, dtype=model.dtype),
        max_new_tokens=1,
        do_sample=False,
        output_logits=True,
        return_dict_in_generate=True,
    )
    return yes_and_mass(verifier, output.logits[0])


def yes_and_mass(verifier: Verifier, logits: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """What `ask` returns, of the logits [n, tokens] of the next token."""
    shares = logits.double().log_softmax(dim=-1).cpu()
    yes, no = (shares[:, tokens].logsumexp(dim=-1) for tokens in (verifier.yes, verifier.no))
    return torch.sigmoid(yes - no).numpy(), (yes.exp() + no.exp()).numpy()


def _tokens(tokenizer: Any, word: str) -> list[int]:
    """Ids of all tokens that are this word alone, in any of its forms."""
    ids = set()
    for text in (form.format(w) for w in (word, word.capitalize(), word.upper()) for form in FORMS):
        tokens = tokenizer.encode(text, add_special_tokens=False)
        if len(tokens) == 1 and tokenizer.decode(tokens).strip().lower() == word:
            ids.add(tokens[0])
    return sorted(ids)
