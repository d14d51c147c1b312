"""The metrics of a study on the ladder: whether they rise, the ceiling, what else moves them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cood.analysis.certificate.ladder import Rung, ladder_codes
from cood.analysis.results import Results, plain_rows
from cood.evaluation.common.score_table import ALL, concat
from cood.evaluation.representation.geometry import DEPENDENCE, FACTORISATION, score_geometry
from cood.evaluation.representation.representation_metrics import FACTORS
from cood.evaluation.representation.sides import sides
from cood.metrics import METRICS, SCORES, metric_table
from cood.metrics.nulls import rotate_codes
from cood.metrics.rank import DEFINITIONS
from cood.vocabulary import Vocabulary

RUNGS, SEEDS = 9, (0, 1, 2)
MOST_WORDS, MOST_IMAGES = 24, 8  # of each factor, and of each composition: it takes a minute
WIDTH = 64  # of the embeddings: that of `mini`, and near the middle of `lab`
# What certificates are about: metrics of disentanglement, soft ranks, linear factorisation.
CERTIFIABLE = (*SCORES, *DEFINITIONS, *FACTORISATION)
# By definition these fall as codes get more disentangled: sums of words need fewer dimensions than
# vectors of their own for all compositions, angles widen, and parts become independent.
FALLING = frozenset({*DEFINITIONS, *DEPENDENCE.values(), "orthogonality"})
KEYS = ["space", "metric"]
# Other codes of the middle rung, and what is different.
FEWER, NARROW, WIDE, ROTATED = (
    "a quarter of the images",
    "half the width",
    "twice the width",
    "rotated",
)


@dataclass(frozen=True)
class Ladder:
    """Values of all metrics on synthetic codes.

    Attributes
    ----------
    rungs
        `seed`, `rung` (0 is the bottom), `space`, `metric` and `value`.
    middle
        `change`, `seed`, `space`, `metric` and `value` on the middle rung: as it is (an empty
        `change`), with a quarter of the images, half and twice the width, or rotated at random.
    """

    rungs: pd.DataFrame
    middle: pd.DataFrame

    def climbs(self) -> pd.Series:
        """Spearman's correlation with the rung by space and metric, over all rungs and seeds.

        Of metrics that fall by definition (`FALLING`), with the opposite sign. NaN for a metric
        that has the same value everywhere, or is missing somewhere.
        """
        rows = {}
        for key, part in self.rungs.groupby(KEYS, sort=False):
            sign = -1 if key[1] in FALLING else 1
            varies = part["value"].notna().all() and part["value"].nunique() > 1
            rho = part["rung"].rank().corr(part["value"].rank()) if varies else np.nan
            rows[key] = sign * float(rho)
        return _by_key(rows)

    def ceiling(self) -> pd.Series:
        """Mean value on the top rung by space and metric."""
        top = self.rungs[self.rungs["rung"] == self.rungs["rung"].max()]
        return top.groupby(KEYS, sort=False)["value"].mean()

    def changes(self) -> pd.DataFrame:
        """Mean value on the middle rung by space and metric: `middle`, and each change.

        Empty where a change does not apply: texts have no further images.
        """
        wide = self.middle.pivot_table(index=KEYS, columns="change", values="value", sort=False)
        wide = wide.reindex(columns=["", FEWER, NARROW, WIDE, ROTATED])
        return wide.rename(columns={"": "middle"}).rename_axis(columns=None)


def ladder_of(results: Results) -> Ladder:
    """The ladder on the grid of a study, with as many images of each composition as it has.

    Larger grids, and more images, than `MOST_WORDS` and `MOST_IMAGES` are cut to these.
    """
    study = results.study
    images = plain_rows(results.scores, metric="r2", set=results.set, space="image")["n"].max()
    each = 1 if np.isnan(images) else round(images / study.words.size)
    return score_ladder(
        min(len(study.words.attributes), MOST_WORDS),
        min(len(study.words.objects), MOST_WORDS),
        min(max(each, 1), MOST_IMAGES),
        metrics=study.representation_metrics.metrics,
    )


def score_ladder(
    attributes: int,
    objects: int,
    images: int,
    *,
    metrics: Collection[str] = tuple(METRICS),
    seeds: Collection[int] = SEEDS,
    width: int = WIDTH,
) -> Ladder:
    """Score the ladder with the functions that score models, on a grid of this size.

    Parameters
    ----------
    attributes, objects, images
        Size of the grid, and images of each composition.
    metrics
        Names among `cood.metrics.METRICS`; ranks and linear factorisation are always scored.
    seeds, width
        Of the codes; a ladder for each seed.

    Returns
    -------
    Ladder
        Values of the plain rows of a study (`cood.analysis.results.PLAIN`).
    """
    rungs, middle = [], []
    for seed in seeds:
        ladder = ladder_codes(RUNGS, attributes, objects, images, width, seed)
        words = _words(attributes, objects)
        values = [score_rung(rung, words, metrics, seed) for rung in ladder]
        rungs += [table.assign(seed=seed, rung=i) for i, table in enumerate(values)]
        middle.append(values[RUNGS // 2].assign(seed=seed, change=""))
        size = (attributes, objects, images)
        for change, rung in _other_codes(ladder[RUNGS // 2], size, width, seed):
            table = score_rung(rung, words, metrics, seed)
            table = table[table["space"] == "image"] if change == FEWER else table
            middle.append(table.assign(seed=seed, change=change))
    return Ladder(pd.concat(rungs, ignore_index=True), pd.concat(middle, ignore_index=True))


def _other_codes(
    rung: Rung, size: tuple[int, int, int], width: int, seed: int
) -> Iterator[tuple[str, Rung]]:
    """The middle rung with fewer images, other widths, and rotated."""
    attributes, objects, images = size
    for change, count, wide in (
        (FEWER, max(1, images // 4), width),
        (NARROW, images, max(2, width // 2)),
        (WIDE, images, 2 * width),
    ):
        yield change, ladder_codes(RUNGS, attributes, objects, count, wide, seed)[RUNGS // 2]
    rng = np.random.default_rng((seed, 1))
    names = list(rung.tensors)
    together = rotate_codes(np.concatenate([rung.tensors[name] for name in names]), rng)
    ends = np.cumsum([len(rung.tensors[name]) for name in names])[:-1]
    rotated = dict(zip(names, np.split(together, ends), strict=True))
    yield ROTATED, Rung(rung.number, rung.height, rotated, rung.composition)


def score_rung(rung: Rung, words: Vocabulary, metrics: Collection[str], seed: int) -> pd.DataFrame:
    """`space`, `metric` and `value` of one rung, as a study scores a model in all compositions."""
    tensors = dict(rung.tensors)
    every = {ALL: np.arange(words.size)}
    tables = [score_geometry(tensors, rung.composition, every, words, seed, 0)]
    for side in sides(tensors, rung.composition, words):
        table = metric_table(
            side.codes,
            side.factors(words),
            metrics=tuple(metrics),
            names=FACTORS,
            nulls=(),
            rng=seed,
        )
        tables.append(table.assign(space=side.space, category=ALL))
    rows = plain_rows(concat(tables))
    return rows[[*KEYS, "value"]].reset_index(drop=True)


def _words(attributes: int, objects: int) -> Vocabulary:
    names = (f"attribute {i}" for i in range(attributes)), (f"object {i}" for i in range(objects))
    return Vocabulary(*map(tuple, names))


def _by_key(rows: Mapping[tuple[str, str], float]) -> pd.Series:
    index = pd.MultiIndex.from_tuples(list(rows), names=KEYS)
    return pd.Series(list(rows.values()), index=index, dtype=float)
