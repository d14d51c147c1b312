"""The factors of 3D Shapes and dSprites: their published values and the words for them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cood.errors import CoodError, unknown
from cood.vocabulary import Vocabulary, fill

# fmt: off
HUES = (
    "red", "orange", "yellow", "green", "mint",
    "turquoise", "blue", "indigo", "purple", "pink",
)
SIZES = (
    "tiny", "very small", "small", "fairly small",
    "fairly large", "large", "very large", "huge",
)
# fmt: on
TURNS = ("far left", "left", "slightly left", "forward", "slightly right", "right", "far right")
ACROSS = ("far left", "left", "slightly left", "central", "slightly right", "right", "far right")
DOWN = ("very high", "high", "slightly high", "halfway up", "slightly low", "low", "very low")
COMPASS = ("north", "northeast", "east", "southeast", "south", "southwest", "west", "northwest")


@dataclass(frozen=True)
class Factor:
    """A factor: its published values, and a word for each; neighbouring values may share a word.

    `phrase` is how a short caption names the word.
    """

    name: str
    values: tuple[float, ...]
    words: tuple[str, ...]
    phrase: str = "{}"

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The distinct words in the order of the values; their places are the word ids."""
        return tuple(dict.fromkeys(self.words))

    @property
    def word_ids(self) -> np.ndarray:
        """Word id [values] of each value."""
        return np.array([self.vocabulary.index(word) for word in self.words])


@dataclass(frozen=True)
class Table:
    """All factors of a set, in the order of the published files: the last one varies fastest.

    Attributes
    ----------
    title, citation
        Name and source of the published set.
    factors
        The factors that vary.
    pair
        The two factors whose combinations are held out of training.
    sentence, spoken
        A caption as a sentence, and the order in which captions name the factors.
    """

    title: str
    citation: str
    factors: tuple[Factor, ...]
    pair: tuple[str, str]
    sentence: str
    spoken: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """Names of the factors."""
        return [factor.name for factor in self.factors]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values of each factor."""
        return tuple(len(factor.values) for factor in self.factors)

    @property
    def size(self) -> int:
        """Number of scenes."""
        return math.prod(self.shape)

    def ids(self, scenes: np.ndarray) -> np.ndarray:
        """Ids [n, m] of the factors' values in the scenes [n], which are rows of the file."""
        return np.stack(np.unravel_index(scenes, self.shape), axis=1)

    def values(self, ids: np.ndarray) -> np.ndarray:
        """Published values [n, m] of ids [n, m]."""
        columns = [np.array(f.values)[ids[:, k]] for k, f in enumerate(self.factors)]
        return np.stack(columns, axis=1)

    def word_ids(self, ids: np.ndarray) -> np.ndarray:
        """Word ids [n, m] of value ids [n, m]."""
        return np.stack([f.word_ids[ids[:, k]] for k, f in enumerate(self.factors)], axis=1)

    def captions(self, word_ids: np.ndarray, form: str) -> list[str]:
        """Captions of word ids [n, m] that name every factor.

        The form is ``sentence``, or ``short``: phrases, for text towers with a short context.
        """
        if form == "short":
            return self.phrases(word_ids, np.ones(word_ids.shape, dtype=bool))
        rows = [dict(zip(self.names, words, strict=True)) for words in self._words(word_ids)]
        return [fill(self.sentence, **row) for row in rows]

    def phrases(self, word_ids: np.ndarray, named: np.ndarray) -> list[str]:
        """Short captions of word ids [n, m] that name the factors where `named` [n, m] is true."""
        order = [self.index(name) for name in self.spoken]
        return [
            " ".join(self.factors[k].phrase.format(words[k]) for k in order if which[k])
            for words, which in zip(self._words(word_ids), named, strict=True)
        ]

    def _words(self, word_ids: np.ndarray) -> list[list[str]]:
        words = [factor.vocabulary for factor in self.factors]
        return [[names[i] for names, i in zip(words, row, strict=True)] for row in word_ids]

    def index(self, factor: str) -> int:
        """Column of a factor; an unknown name raises a CoodError."""
        if factor not in self.names:
            raise CoodError(unknown("factor", factor, self.names))
        return self.names.index(factor)

    @property
    def pair_words(self) -> Vocabulary:
        """The words of the pair; their combinations are the compositions of the set."""
        first, second = (self.factors[self.index(name)].vocabulary for name in self.pair)
        return Vocabulary(first, second)

    def compositions(self, ids: np.ndarray) -> np.ndarray:
        """Composition id [n] of ids [n, m]."""
        first, second = (self.word_ids(ids)[:, self.index(name)] for name in self.pair)
        return first * len(self.pair_words.objects) + second


def _even(low: float, high: float, n: int) -> tuple[float, ...]:
    return tuple(np.linspace(low, high, n).tolist())


def _spread(words: Sequence[str], counts: Sequence[int]) -> tuple[str, ...]:
    return tuple(word for word, n in zip(words, counts, strict=True) for _ in range(n))


# Kim and Mnih 2018, arXiv:1802.05983. The hues are fractions of the circle, 1 left out as it is 0;
# the scale is that of the labels in the file. The source does not say which shapes 0 to 3 are.
SHAPES3D = Table(
    title="3D Shapes",
    citation="Kim and Mnih 2018, repository deepmind/3d-shapes on GitHub",
    factors=(
        Factor("floor_hue", _even(0, 0.9, 10), HUES, "{} floor"),
        Factor("wall_hue", _even(0, 0.9, 10), HUES, "{} wall"),
        Factor("object_hue", _even(0, 0.9, 10), HUES),
        Factor("scale", _even(0.75, 1.25, 8), SIZES),
        Factor("shape", (0, 1, 2, 3), ("cube", "cylinder", "sphere", "capsule")),
        Factor("orientation", _even(-30, 30, 15), _spread(TURNS, (2, 2, 2, 3, 2, 2, 2))),
    ),
    pair=("object_hue", "shape"),
    sentence="a {scale} {object_hue} {shape} on a {floor_hue} floor before a {wall_hue} wall, "
    "facing {orientation}",
    spoken=("scale", "object_hue", "shape", "floor_hue", "wall_hue", "orientation"),
)

# Matthey, Higgins, Hassabis and Lerchner 2017. Colour, which is always white, is left out. The last
# orientation, 2 pi, gives the same image as the first.
#
# The pair: each size and each shape has a word of its own and is visible at every position. That is
# not so of orientation, as a square or an ellipse looks the same after a part of a turn, nor of
# positions, as neighbouring ones share their words.
DSPRITES = Table(
    title="dSprites",
    citation="Matthey et al. 2017, repository google-deepmind/dsprites-dataset on GitHub",
    factors=(
        Factor("shape", (1, 2, 3), ("square", "ellipse", "heart")),
        Factor(
            "scale",
            _even(0.5, 1, 6),
            ("tiny", "very small", "small", "large", "very large", "huge"),
        ),
        Factor(
            "orientation",
            _even(0, 2 * math.pi, 40),
            tuple(COMPASS[round(k * 8 / 39) % 8] for k in range(40)),
        ),
        Factor("position_x", _even(0, 1, 32), _spread(ACROSS, (5, 5, 4, 4, 4, 5, 5))),
        Factor("position_y", _even(0, 1, 32), _spread(DOWN, (5, 5, 4, 4, 4, 5, 5))),
    ),
    pair=("scale", "shape"),
    sentence="a {scale} white {shape} facing {orientation}, {position_x} and {position_y} "
    "in the picture",
    spoken=("scale", "shape", "orientation", "position_x", "position_y"),
)

TABLES = {"shapes3d": SHAPES3D, "dsprites": DSPRITES}
