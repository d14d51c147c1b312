"""What the explorer shows: the five best answers of some models to some images, by composition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isqrt

import numpy as np
import pandas as pd

from cood.analysis.results import Results, pick
from cood.errors import ArtefactError, NotebookError
from cood.evaluation.accuracy.zero_shot import TOP
from cood.evaluation.common.nearest import nearest, normalise
from cood.evaluation.embeddings import read_embeddings
from cood.files import read_table
from cood.settings.study_file import Study
from cood.vocabulary import Vocabulary

MOST_OF_A_COMPOSITION = 8  # images
MOST_WORDS = 250  # of a kind: a sheet of 64 pixels each is as high as a WebP file can be
# Of the saved first answers that a new computation must give: nearly equal cosines may change
# order if images are multiplied in other groups.
LEAST_AGREEMENT = 0.99


@dataclass(frozen=True)
class Sample:
    """Compositions in a grid, and their images.

    Attributes
    ----------
    attributes, objects
        Ids of the words of the grid [a], [o].
    compositions
        Ids [a, o] of its compositions.
    images
        Rows [n] of the manifest, in the order of the cells of the grid.
    counts
        Number of images of each cell [a, o].
    """

    attributes: np.ndarray
    objects: np.ndarray
    compositions: np.ndarray
    images: np.ndarray
    counts: np.ndarray


@dataclass(frozen=True)
class ModelAnswers:
    """What a model answers to the n images of a sample.

    Attributes
    ----------
    pairs, cosines
        Composition ids [n, k] of the best answers, best first, and their cosines [n, k].
    attributes, objects
        Ids [n] of the best attribute and object, each asked alone.
    seen
        Ids of the compositions with images that the model was trained on.
    """

    pairs: np.ndarray
    cosines: np.ndarray
    attributes: np.ndarray
    objects: np.ndarray
    seen: np.ndarray


def spread_models(results: Results, most: int) -> list[str]:
    """At most `most` models, evenly spaced in the order of their accuracy on unseen compositions.

    Models that could not be loaded are left out; the others keep the order of the study.

    Raises
    ------
    NotebookError
        If `most` is below 1.
    """
    if most < 1:
        raise NotebookError(f"parameter most: got {most}; set it to 1 or more")
    accuracy = pick(results, split="unseen", metric="pair_top1")["value"].dropna()
    order = accuracy.sort_values(kind="stable").index
    places = np.unique(np.linspace(0, len(order) - 1, min(most, len(order))).round().astype(int))
    return [name for name in results.models["model"] if name in set(order[places])]


def sample_images(composition: np.ndarray, words: Vocabulary, most: int) -> Sample:
    """Compositions of a grid of words with their images, all of them if they are few enough.

    If not, the grid has words that images show: attributes spaced evenly, and objects with one of
    these, also spaced evenly. Of each composition the first images are taken.

    Parameters
    ----------
    composition
        Composition id of each image of the set.
    words
        The vocabulary of the study.
    most
        Number of images that the sample has at most.

    Raises
    ------
    NotebookError
        If `most` is too small for one composition.
    """
    rank = pd.Series(composition).groupby(composition).cumcount().to_numpy()
    each = min(MOST_OF_A_COMPOSITION, int(rank.max()) + 1)
    if most < each:
        raise NotebookError(
            f"parameter images: got {most}, and a composition has {each}; set it to {each} or more"
        )
    attributes, objects = _grid(words, composition, most // each)
    grid = attributes[:, None] * len(words.objects) + objects
    cell = np.full(words.size, -1)
    cell[grid.ravel()] = np.arange(grid.size)
    chosen = np.flatnonzero((rank < each) & (cell[composition] >= 0))
    images = chosen[np.argsort(cell[composition[chosen]], kind="stable")]
    counts = np.bincount(cell[composition[images]], minlength=grid.size).reshape(grid.shape)
    return Sample(attributes, objects, grid, images, counts)


def _grid(words: Vocabulary, composition: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids of the words of a grid with at most `most` cells, about as many of each kind."""
    if words.size <= most and max(len(words.attributes), len(words.objects)) <= MOST_WORDS:
        return np.arange(len(words.attributes)), np.arange(len(words.objects))
    attribute, object_ = words.attribute_of(composition), words.object_of(composition)
    rows, columns = np.unique(attribute), np.unique(object_)
    some_rows = min(len(rows), isqrt(most))
    some_columns = min(len(columns), most // some_rows, MOST_WORDS)
    chosen = _spaced(rows, min(len(rows), most // some_columns, MOST_WORDS))
    return chosen, _spaced(np.unique(object_[np.isin(attribute, chosen)]), some_columns)


def _spaced(ids: np.ndarray, n: int) -> np.ndarray:
    """At most n of the ids, evenly spaced."""
    return ids if len(ids) <= n else ids[np.arange(n) * len(ids) // n]


def answers_of(study: Study, set_: str, model: str, images: np.ndarray) -> ModelAnswers:
    """The best answers of one model to some images of a set, from its embeddings.

    Parameters
    ----------
    study, set_, model
        Whose embeddings and saved answers, of which set.
    images
        Rows of the manifest of the set.

    Raises
    ------
    ArtefactError
        If a file is missing or damaged, or the embeddings give other answers than were saved.
    """
    file = study.paths.model_answers(model)
    saved = read_table(file)
    saved = saved[saved["set"] == set_]
    tensors = read_embeddings(study, model, set_).tensors
    shown = tensors["images"][images]
    pairs = nearest(shown, tensors["compositions"], TOP)
    fits = len(saved) == len(tensors["images"])
    if not fits or (pairs[:, 0] == saved["pair"].to_numpy()[images]).mean() < LEAST_AGREEMENT:
        raise ArtefactError(
            f"{file} has other answers than the embeddings in "
            f"{study.paths.embeddings(model, set_)} give; delete both and run `nox -s reproduce`"
        )
    texts = normalise(tensors["compositions"][pairs])
    return ModelAnswers(
        pairs,
        np.einsum("nd,nkd->nk", normalise(shown), texts),
        saved["attribute"].to_numpy()[images],
        saved["object"].to_numpy()[images],
        saved.loc[saved["seen"], "composition"].unique(),
    )


def composition_table(
    words: Vocabulary, sample: Sample, answers: Mapping[str, ModelAnswers]
) -> pd.DataFrame:
    """How often each composition of a sample is answered right, over some models.

    Parameters
    ----------
    words, sample
        The vocabulary, and the images.
    answers
        To these images, by model.

    Returns
    -------
    pandas.DataFrame
        A row a composition with an image: `attribute`, `object`, number of `images`, how many
        models saw it in training (`seen_by`), and mean accuracies over the models: of the pair
        for models that saw it (`pair_seen`) and that did not (`pair_unseen`), NaN without one,
        and of the words asked alone (`attribute_alone`, `object_alone`).
    """
    cells = sample.compositions.ravel()
    truth = np.repeat(cells, sample.counts.ravel())
    models = list(answers.values())
    seen = np.array([np.isin(cells, own.seen) for own in models])
    right = _by_cell([own.pairs[:, 0] == truth for own in models], sample.counts)
    attribute = [own.attributes == words.attribute_of(truth) for own in models]
    object_ = [own.objects == words.object_of(truth) for own in models]
    table = pd.DataFrame(
        {
            "attribute": np.array(words.attributes)[words.attribute_of(cells)],
            "object": np.array(words.objects)[words.object_of(cells)],
            "images": sample.counts.ravel(),
            "seen_by": seen.sum(axis=0),
            "pair_seen": _mean_where(right, seen),
            "pair_unseen": _mean_where(right, ~seen),
            "attribute_alone": _by_cell(attribute, sample.counts).mean(axis=0),
            "object_alone": _by_cell(object_, sample.counts).mean(axis=0),
        }
    )
    return table[table["images"] > 0].reset_index(drop=True)


def _by_cell(hits: Sequence[np.ndarray], counts: np.ndarray) -> np.ndarray:
    """Share of hits in each cell [models, cells]; NaN in one without images."""
    sizes = counts.ravel()
    cell = np.repeat(np.arange(sizes.size), sizes)
    sums = np.array([np.bincount(cell, weights=own, minlength=sizes.size) for own in hits])
    return np.where(sizes > 0, sums / np.maximum(sizes, 1), np.nan)


def _mean_where(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Mean over rows of the values [rows, columns] that are meant; NaN where there is none."""
    n = where.sum(axis=0)
    return np.where(n > 0, np.where(where, values, 0).sum(axis=0) / np.maximum(n, 1), np.nan)
