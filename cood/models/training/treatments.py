r"""Treatments: penalties that make embeddings disentangled while a CLIP is trained, and placebos.

All start from the word vectors of a batch. Its b embeddings :math:`e_k` are scaled to unit length
and centred, :math:`z_k = e_k / |e_k|`, :math:`\tilde Z = C Z` with
:math:`C = I - \frac{1}{b} 1 1^\top`. The one-hot table X [b, A + O] has a 1 for each attribute and
each object that a caption *states*, and :math:`\tilde X = C X`. Ridge least squares gives a vector
to each word, the rows of

.. math:: W = (\tilde X^\top \tilde X + \lambda I)^{-1} \tilde X^\top \tilde Z .

Centring both sides leaves the intercept without a penalty. Two measures of W are penalised:

- `orthogonality`: the mean of :math:`\cos^2(w_i, w_j)` over attributes i and objects j;
- `additivity`: :math:`\|\tilde Z - \tilde X W\|^2 / \|\tilde Z\|^2`, the share of the variance that
  sums of word vectors leave.

Each has a placebo, see `Treatment`. Linear factorisation of embeddings is from Trager et al.
(2023), https://arxiv.org/abs/2302.14383. That it is imposed at random on the training of models, to
see whether they compose better, is of this project: we know of no published test of this kind.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch.nn import functional

from cood.errors import StudyError, unknown
from cood.settings import NO_TREATMENT, PLACEBO, TREATMENTS
from cood.splits import PERMUTATIONS
from cood.training_set import ATTRIBUTE, OBJECT, PAIR
from cood.vocabulary import Vocabulary

# Lambda, in captions: a word that n captions of the batch state keeps about n / (n + 1) of its
# least-squares vector. It is needed: if all captions name a pair, the columns of the attributes sum
# to those of the objects and least squares has no single solution, and a word of one caption would
# fit its noise. Ridge is the best linear predictor of the word vectors if lambda is the variance of
# an embedding about its sum of words, divided by that between words of a kind. The two are alike
# in small CLIPs: sums of two words explain about two thirds to three quarters of the variance.
RIDGE = 1.0
# A batch is constant if its unit embeddings lie nearer to their mean, root mean square, than this
# many times the rounding of a number: what differs is rounding then.
ROUNDING = 100.0
NAMES = (PAIR, OBJECT, ATTRIBUTE)  # what a caption may name


def stated_words(captions: pd.DataFrame, words: Vocabulary) -> torch.Tensor:
    """Which words each caption states, [n, attributes + objects], float32: 1 if it does, else 0.

    What the drawing shows has no part in it: a wrong caption counts with its own words, and a
    caption that names the object alone states no attribute.

    Parameters
    ----------
    captions
        With the columns `captioned`, id of the composition that the caption was written for, and
        `names`, what it names of it: ``pair``, ``object`` or ``attribute``.
    words
        The vocabulary of the study.

    Raises
    ------
    StudyError
        If `names` has another value, or `captioned` an id that is not of the vocabulary.
    """
    ids, names = captions["captioned"].to_numpy(), captions["names"].to_numpy()
    wrong = sorted(set(names) - set(NAMES))
    if wrong:
        raise StudyError(f"captions: {unknown('value of names', str(wrong[0]), NAMES)}")
    outside = ids[(ids < 0) | (ids >= words.size)]
    if len(outside):
        raise StudyError(
            f"captions: captioned is {outside[0]} in {len(outside)} of {len(ids)} rows, and the "
            f"vocabulary has compositions 0 to {words.size - 1}; draw the captions with it"
        )
    n_attributes = len(words.attributes)
    stated = np.zeros((len(ids), n_attributes + len(words.objects)), dtype=np.float32)
    attribute, object_ = np.flatnonzero(names != OBJECT), np.flatnonzero(names != ATTRIBUTE)
    stated[attribute, words.attribute_of(ids[attribute])] = 1
    stated[object_, n_attributes + words.object_of(ids[object_])] = 1
    return torch.from_numpy(stated)


def word_map(stated: torch.Tensor) -> torch.Tensor:
    r"""The ridge fit as a linear map [words, b]: it takes centred codes [b, d] to word vectors.

    .. math:: M = (\tilde X^\top \tilde X + \lambda I)^{-1} \tilde X^\top

    It depends on the captions only, so that no gradient passes through the solution. The row of a
    word that no caption states, or all do, is exactly 0.

    Parameters
    ----------
    stated
        The words [b, words] of the batch, 1 or 0.
    """
    centred = stated - stated.mean(dim=0)
    gram = centred.T @ centred
    gram.diagonal().add_(RIDGE)
    return torch.cholesky_solve(centred.T, torch.linalg.cholesky(gram))


def orthogonality(
    embeddings: torch.Tensor, stated: torch.Tensor, n_attributes: int
) -> torch.Tensor:
    r"""Mean squared cosine between the vectors of attributes and of objects in a batch.

    .. math::

        P_\perp = \frac{1}{|A| |O|} \sum_{i \in A} \sum_{j \in O}
        \left( \frac{w_i^\top w_j}{|w_i| |w_j|} \right)^2

    A and O are the attributes and objects whose column varies in the batch: some captions state
    them, and some do not. 0 if attributes and objects lie in orthogonal subspaces.

    Parameters
    ----------
    embeddings
        Embeddings [..., b, d] of any length, such as those of the image and of the text side.
    stated
        The words [b, words] that the captions of the batch state, attributes first.
    n_attributes
        How many of the columns are attributes.

    Returns
    -------
    torch.Tensor
        The penalty of each side [...]. It is 0, with no gradient, if the embeddings do not vary,
        or no attribute or no object does.
    """
    codes = _centred(embeddings)
    _, varies = _variation(codes)
    stated = stated.to(codes.dtype)
    units = functional.normalize(word_map(stated).to(codes.device) @ codes, dim=-1)
    cosines = units[..., :n_attributes, :] @ units[..., n_attributes:, :].mT
    occurs = stated.amax(dim=0) > stated.amin(dim=0)
    pairs = occurs[:n_attributes].sum() * occurs[n_attributes:].sum()
    # The cosines of other words are 0.
    return torch.where(varies, cosines.square().sum(dim=(-2, -1)) / pairs.clamp_min(1), 0.0)


def additivity(embeddings: torch.Tensor, stated: torch.Tensor) -> torch.Tensor:
    r"""Share of the variance of a batch that sums of word vectors leave.

    .. math:: P_+ = \frac{\|\tilde Z - \tilde X W\|_F^2}{\|\tilde Z\|_F^2}

    Between 0, if the unit embeddings are sums of a mean and one vector for each stated word (with
    the shrinkage of the ridge, nearly 0), and 1.

    Parameters
    ----------
    embeddings
        Embeddings [..., b, d] of any length, such as those of the image and of the text side.
    stated
        The words [b, words] that the captions of the batch state.

    Returns
    -------
    torch.Tensor
        The penalty of each side [...]. It is 0, with no gradient, if the embeddings do not vary.
    """
    codes = _centred(embeddings)
    total, varies = _variation(codes)
    stated = stated.to(codes.dtype)
    fitted = (stated - stated.mean(dim=0)) @ word_map(stated)
    left = codes - fitted.to(codes.device) @ codes
    return torch.where(varies, left.square().sum(dim=(-2, -1)) / total, 0.0)


class Treatment:
    r"""A treatment of training: what to add to the loss of a batch.

    *Penalties.* `orthogonality` or `additivity`, the sum over the image and the text side, times
    the strength.

    *Placebos.* The rows of the word table are permuted within the batch, by a new permutation at
    each step, the same for both sides. With e the embeddings of a side as the tower gives them,
    :math:`g = \partial P / \partial e` at the true words and :math:`g'` at the permuted ones, the
    gradient of the placebo is

    .. math:: \text{strength} \cdot \frac{\|g\|_F}{\|g'\|_F} \, g' ,

    0 if :math:`g' = 0`. So on each side it is as long as that of the treatment would be at the
    same embeddings, at each step. It is matched there, at the outputs of the towers; the gradients
    of the weights, behind the towers, may differ in length, and so may the embeddings to which
    training comes. A placebo is not inert: that of orthogonality spreads embeddings over more
    dimensions, as the treatment does. What is added to the loss is 0 in value, as embeddings are
    orthogonal to the gradient of what does not depend on their length.

    With ``none``, or a strength of 0, nothing is computed or drawn, and training is that without
    treatment, bit for bit.

    Parameters
    ----------
    name
        One of `TREATMENTS`.
    strength
        What the penalty and so its gradient is multiplied by, 0 or more.
    stated
        The words [n, words] that the caption of each training image states, attributes first, as
        `stated_words` gives them; on the CPU.
    n_attributes
        How many of the columns are attributes.
    seed
        Seed of the model, for the permutations. They have a generator of their own.

    Attributes
    ----------
    active
        Whether it changes the training.

    Raises
    ------
    StudyError
        If there is no such treatment, the strength is negative or not finite, or no column is left
        for the attributes or for the objects.
    """

    def __init__(
        self, name: str, strength: float, stated: torch.Tensor, n_attributes: int, seed: int
    ) -> None:
        if name not in TREATMENTS:
            raise StudyError(unknown("treatment", name, TREATMENTS))
        if not 0 <= strength < float("inf"):
            raise StudyError(f"treatment {name!r}: strength is {strength}; give 0 or more")
        if not 0 < n_attributes < stated.shape[1]:
            raise StudyError(
                f"treatment {name!r}: {n_attributes} attributes of {stated.shape[1]} words; give a "
                "number that leaves an object"
            )
        self.active = name != NO_TREATMENT and strength > 0
        self._measure, self._placebo = name.removesuffix(PLACEBO), name.endswith(PLACEBO)
        self._strength, self._n_attributes = strength, n_attributes
        self._stated = stated
        self._rng = np.random.default_rng((seed, PERMUTATIONS))

    def penalty(
        self, images: torch.Tensor, texts: torch.Tensor, batch: torch.Tensor
    ) -> torch.Tensor:
        """What to add to the loss of a batch, a scalar.

        Parameters
        ----------
        images, texts
            Embeddings [b, d] of the images and of their captions, as the towers give them, not
            normalised.
        batch
            Indices [b] of the training images, on the CPU.
        """
        if not self.active:
            return images.new_zeros(())
        embeddings, stated = torch.stack([images, texts]), self._stated[batch]
        if not self._placebo:
            return self._strength * self._penalties(embeddings, stated).sum()
        order = torch.from_numpy(self._rng.permutation(len(batch)))
        target = self._gradient(embeddings, stated).norm(dim=(1, 2), keepdim=True)
        permuted = self._gradient(embeddings, stated[order])
        length = permuted.norm(dim=(1, 2), keepdim=True)
        scaled = torch.where(length > 0, permuted * (target / length), 0.0)
        # Linear in the embeddings, so that its gradient is `scaled`.
        return self._strength * (embeddings * scaled).sum()

    def _penalties(self, embeddings: torch.Tensor, stated: torch.Tensor) -> torch.Tensor:
        """The penalty of each side [2] of embeddings [2, b, d]."""
        if self._measure == "additivity":
            return additivity(embeddings, stated)
        return orthogonality(embeddings, stated, self._n_attributes)

    def _gradient(self, embeddings: torch.Tensor, stated: torch.Tensor) -> torch.Tensor:
        """Gradient [2, b, d] of the penalties with respect to embeddings [2, b, d], alone."""
        leaves = embeddings.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(self._penalties(leaves, stated).sum(), leaves)
        return gradient


def _centred(embeddings: torch.Tensor) -> torch.Tensor:
    """Centred unit embeddings [..., b, d]."""
    units = functional.normalize(embeddings, dim=-1)
    return units - units.mean(dim=-2, keepdim=True)


def _variation(codes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Sum of squares [...] of centred codes [..., b, d], safe to divide by; whether they vary."""
    total = codes.square().sum(dim=(-2, -1))
    smallest = codes.shape[-2] * (ROUNDING * torch.finfo(codes.dtype).eps) ** 2
    return total.clamp_min(smallest), total > smallest
