"""Accuracy on unseen compositions, and metrics, after embeddings are edited."""

from __future__ import annotations

import time
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cood.device_arrays import (
    Array,
    device_for,
    index_of,
    moved,
    single_precision,
)
from cood.errors import StudyError
from cood.evaluation.accuracy.zero_shot import Answers, hits
from cood.evaluation.common.nearest import Classes, normalise
from cood.evaluation.common.resampling import grouped_means
from cood.evaluation.common.score_table import INTERVENTIONS, concat, missing_model, write_scores
from cood.evaluation.embeddings import (
    SetEmbeddings,
    Tensors,
    read_truth,
    score_each_set,
    split_members,
)
from cood.evaluation.interventions.edits import (
    CENTRE,
    CONTROLS,
    NO_DOSE,
    Codes,
    Edited,
    edits,
    predicted,
    structure,
)
from cood.metrics import directions, linear, metric_table
from cood.metrics.rank import numerical_rank
from cood.metrics.result import MetricWarning
from cood.metrics.table import ALL_FACTORS
from cood.settings import Interventions
from cood.settings.study_file import Study
from cood.splits import EDITING, UNSEEN
from cood.vocabulary import Vocabulary

if TYPE_CHECKING:
    import torch

ACCURACIES = ("pair_top1", "attribute_top1", "object_top1")
# Cheap ones, as all are computed again for each edit, and what a larger value is said to mean: 1
# more disentangled, -1 less.
METRICS = {
    "dci_disentanglement": 1,
    "dci_informativeness": 1,
    "dcimig": 1,
    "explicitness": 1,
    "r2_adjusted": 1,
    "orthogonality": -1,
    "numerical_rank_0.1": -1,
}
UNEDITED = "none"
IMAGES, TEXTS, BOTH = SIDES = ("images", "texts", "both")
SPACE = {IMAGES: "image", TEXTS: "text"}
AS_IT_IS, AGAINST_UNEDITED, AGAINST_CONTROL = "", "unedited", "control"
SAMPLE_STREAM, EDIT_STREAM = 1, 2  # of random numbers


@dataclass(frozen=True)
class Cell:
    """One edit at one dose, of images, of texts or of both."""

    edit: str
    dose: float
    side: str

    @property
    def control(self) -> Cell | None:
        """What it is compared with besides the codes as they are; None for a control."""
        name = CONTROLS.get(self.edit)
        if name is None:
            return None
        return Cell(name, NO_DOSE if name == CENTRE else self.dose, self.side)


def score_interventions(study: Study, model: str) -> pd.DataFrame:
    """Edit one model's embeddings of every set, write `interventions/<model>.parquet`, return it.

    Raises
    ------
    StudyError
        If the study file has no interventions.
    """
    settings = study.interventions
    if settings is None:
        raise StudyError(
            f"study {study.name} has no interventions; add `interventions: {{}}` to its file"
        )

    def score_set(embedded: SetEmbeddings) -> pd.DataFrame:
        start, truth = time.perf_counter(), read_truth(study, embedded.set)
        fitted, tested = divide(truth, split_members(study, model)[UNSEEN], study.seed)
        try:
            table = score_edits(study, settings, embedded.tensors, truth, fitted, tested)
        except ValueError as error:
            table = missing_model(f"cannot be edited: {error}", INTERVENTIONS)
        return table.assign(seconds=time.perf_counter() - start)

    tables = score_each_set(study, model, study.sets, score_set, INTERVENTIONS)
    table = concat(tables, INTERVENTIONS)
    write_scores(table, study.paths.model_interventions(model), INTERVENTIONS)
    return table


def divide(truth: np.ndarray, unseen: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids of the compositions that edits are fitted on, and of those that they are tested on.

    Edits are tested on unseen compositions with an image, and fitted on the others with one.
    Where all are unseen, as for published checkpoints, each is a random half.

    Parameters
    ----------
    truth
        Composition id [n] of each image.
    unseen
        Ids of the unseen compositions.
    seed
        Of the halves.
    """
    present = np.unique(truth)
    tested = np.intersect1d(present, unseen)
    if len(tested) == len(present):
        order = np.random.default_rng((seed, EDITING)).permutation(present)
        tested = np.sort(order[: len(order) // 2])
    return np.setdiff1d(present, tested), tested


@dataclass(frozen=True)
class _Test:
    """What edits are tested on: the compositions of images, all of these, and the vocabulary."""

    truth: np.ndarray
    compositions: np.ndarray
    words: Vocabulary
    seed: int

    @property
    def labels(self) -> np.ndarray:
        """All compositions are offered as classes."""
        return np.arange(self.words.size)

    def hits(self, images: Array, texts: Classes) -> np.ndarray:
        """Whether each of `ACCURACIES` counts an image as right [n, 3], in single precision."""
        answers = Answers(self.truth, texts.nearest(images, 1))
        right = {name: hit for name, hit, _ in hits(answers, self.words, self.labels)}
        return np.stack([right[name] for name in ACCURACIES], axis=1).astype(np.float32)

    def chances(self) -> dict[str, float]:
        """Mean accuracy of a guess."""
        answers = Answers(self.truth, self.truth[:, None])
        return {name: float(c.mean()) for name, _, c in hits(answers, self.words, self.labels)}

    def metrics(self, codes: Array, side: str) -> pd.Series:
        """Each of `METRICS` of edited codes: of the images, or of all texts."""
        ids = self.compositions if side == TEXTS else self.truth
        factors = np.stack([self.words.attribute_of(ids), self.words.object_of(ids)], axis=1)
        z = normalise(codes[index_of(codes, ids)] if side == TEXTS else codes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MetricWarning)  # NaN says as much
            chosen = ("dci", "dcimig", "explicitness")
            table = metric_table(z, factors, metrics=chosen, nulls=(), rng=self.seed)
            table = table[table["factor"] == ALL_FACTORS]
            values = table.set_index("metric")["value"].to_dict()
            fit = linear.fit_additive(z, factors)
            values["r2_adjusted"] = linear.r_squared(fit).parts.get("adjusted", np.nan)
            values["orthogonality"] = directions.orthogonality(fit).value
            values["numerical_rank_0.1"] = numerical_rank(z, relative=True).value
        return pd.Series({name: values[name] for name in METRICS}, dtype=float)


def score_edits(
    study: Study,
    settings: Interventions,
    tensors: Tensors,
    truth: np.ndarray,
    fitted: np.ndarray,
    tested: np.ndarray,
) -> pd.DataFrame:
    """Accuracies and metrics of every edit, as rows of a table of interventions.

    Edits and doses are those of `cood.evaluation.interventions.edits.edits`; `side` says what was
    edited: ``images``, ``texts`` or ``both``. `against` says what the value is:

    - empty: the accuracy itself (`ACCURACIES`; all compositions are offered as labels), or the
      metric (`METRICS`; of the codes of the space that was edited);
    - ``unedited``: the difference to the codes as they are, on the same images;
    - ``control``: the difference to the control of the edit (`CONTROLS`), at the same dose.

    Accuracies have intervals from resampling compositions, the same resamples for all, so those
    of differences are paired ones. The hits of a random edit are averaged over its draws; its
    metrics are those of the first draw.

    Parameters
    ----------
    study, settings
        The study, and its settings of interventions.
    tensors, truth
        Embeddings, as `cood.evaluation.embed.embed.embed_model` writes them; composition id [n] of
        each image.
    fitted, tested
        Ids of the compositions that edits are fitted on and tested on, as `divide` gives them.

    Raises
    ------
    ValueError
        If either holds fewer than two attributes or objects.
    """
    device = device_for(settings.rankings * settings.samples * tensors["compositions"].size)
    codes, test = _prepare(study, settings, tensors, truth, fitted, tested, device)
    with single_precision(device):
        draws, metrics = _edit(study, settings, codes, test)
    right = {cell: np.mean(several, axis=0) for cell, several in draws.items()}
    tables = [_accuracies(study, right, test), _metrics(metrics, test)]
    return concat(tables, INTERVENTIONS)


def _edit(
    study: Study, settings: Interventions, codes: Codes, test: _Test
) -> tuple[dict[Cell, list[np.ndarray]], dict[Cell, pd.Series]]:
    """The hits of each draw of each edit, and the metrics of the first draw."""
    unedited, draws = Classes.of(codes.texts), defaultdict(list)
    draws[Cell(UNEDITED, NO_DOSE, BOTH)].append(test.hits(codes.images, unedited))
    metrics = {
        Cell(UNEDITED, NO_DOSE, IMAGES): test.metrics(codes.images, IMAGES),
        Cell(UNEDITED, NO_DOSE, TEXTS): test.metrics(codes.texts, TEXTS),
    }
    seed = (study.seed, EDITING, EDIT_STREAM)
    for edited in edits(codes, settings.doses, settings.repeats, seed):
        for side, z in ((IMAGES, edited.images), (TEXTS, edited.texts)):
            cell = Cell(edited.edit, edited.dose, side)
            if z is not None and cell not in metrics:
                metrics[cell] = test.metrics(z, side)
        for side, images, texts in _combinations(codes.images, unedited, edited):
            draws[Cell(edited.edit, edited.dose, side)].append(test.hits(images, texts))
    return draws, metrics


def _prepare(
    study: Study,
    settings: Interventions,
    tensors: Tensors,
    truth: np.ndarray,
    fitted: np.ndarray,
    tested: np.ndarray,
    device: torch.device | None,
) -> tuple[Codes, _Test]:
    """Codes of a sample of the tested images and of all texts, on a device, and their structure."""
    words = study.words
    images, texts = normalise(tensors["images"]), normalise(tensors["compositions"])
    inside, rows = np.isin(truth, fitted), np.flatnonzero(np.isin(truth, tested))
    rng = np.random.default_rng((study.seed, EDITING, SAMPLE_STREAM))
    rows = np.sort(rng.permutation(rows)[: settings.samples])
    shown = np.unique(truth[rows])
    if min(len(np.unique(of(shown))) for of in (words.attribute_of, words.object_of)) < 2:
        raise ValueError("at least two attributes and two objects are needed to test edits on")
    every = np.arange(words.size)
    factors = np.stack([words.attribute_of(every), words.object_of(every)], axis=1)
    codes = Codes(
        images=moved(images[rows], device),
        texts=moved(texts, device),
        image_structure=structure(images[inside], factors[truth[inside]]),
        text_structure=structure(texts[fitted], factors[fitted]),
        sums=moved(predicted(texts, fitted, factors), device),
        fitted=fitted,
    )
    return codes, _Test(truth[rows], shown, words, study.seed)


def _combinations(
    images: Array, texts: Classes, edited: Edited
) -> Iterator[tuple[str, Array, Classes]]:
    """Which side is edited, and the images and texts that are then compared."""
    if edited.images is not None and edited.separable:
        yield IMAGES, edited.images, texts
    if edited.texts is None:
        return
    edited_texts = Classes.of(edited.texts)
    if edited.separable:
        yield TEXTS, images, edited_texts
    if edited.images is not None:
        yield BOTH, edited.images, edited_texts


def _differences(
    cell: Cell, values: Mapping[Cell, Any], unedited: Cell
) -> Iterator[tuple[str, Any]]:
    """The value of a cell, and its differences to the unedited codes and to its control."""
    yield AS_IT_IS, values[cell]
    if cell.edit != UNEDITED:
        yield AGAINST_UNEDITED, values[cell] - values[unedited]
    control = cell.control
    if control is not None and control in values:
        yield AGAINST_CONTROL, values[cell] - values[control]


def _accuracies(study: Study, right: dict[Cell, np.ndarray], test: _Test) -> pd.DataFrame:
    chance, rows, columns = test.chances(), [], []
    for cell in right:
        for against, values in _differences(cell, right, Cell(UNEDITED, NO_DOSE, BOTH)):
            for metric, column in zip(ACCURACIES, values.T, strict=True):
                guess = chance[metric] if against == AS_IT_IS else np.nan
                key = {"metric": metric, "against": against, "chance": guess}
                rows.append(vars(cell) | key)
                columns.append(column)
    means = grouped_means(
        np.stack(columns, axis=1),
        test.truth,
        seed=study.seed,
        resamples=study.evaluation.resamples,
        level=study.evaluation.level,
    )
    table = [row | vars(mean) for row, mean in zip(rows, means, strict=True)]
    return pd.DataFrame(table).assign(space="image")


def _metrics(metrics: dict[Cell, pd.Series], test: _Test) -> pd.DataFrame:
    rows = []
    for cell in metrics:
        n = len(test.compositions) if cell.side == TEXTS else len(test.truth)
        unedited = Cell(UNEDITED, NO_DOSE, cell.side)
        for against, values in _differences(cell, metrics, unedited):
            row = {**vars(cell), "space": SPACE[cell.side], "against": against, "n": n}
            rows += [row | {"metric": name, "value": value} for name, value in values.items()]
    return pd.DataFrame(rows)
