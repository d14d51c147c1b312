"""What becomes of accuracy on unseen compositions, and of metrics, once embeddings are edited."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cood.errors import StudyError
from cood.evaluation.accuracy.zero_shot import Answers, hits
from cood.evaluation.collect import members, missing
from cood.evaluation.common.nearest import nearest, normalise
from cood.evaluation.common.resampling import grouped_means
from cood.evaluation.interventions.edits import (
    CONTROLS,
    RANDOM,
    edits,
    predicted,
    structure,
)
from cood.files import read_tensors, write_table
from cood.metrics import directions, linear
from cood.metrics.metric_table import WHOLE, evaluate
from cood.metrics.rank import numerical_rank
from cood.metrics.result import MetricWarning
from cood.settings import Interventions
from cood.settings.study_file import Study
from cood.splits import EDITING
from cood.synthesis.manifests import read_manifest
from cood.vocabulary import Vocabulary

ACCURACIES = ("pair_top1", "attribute_top1", "object_top1")
# Cheap ones, as all are taken again for each edit, and what more of each is said to mean: 1 more
# disentangled, -1 less.
METRICS = {
    **{"dci_disentanglement": 1, "dci_informativeness": 1, "dcimig": 1, "explicitness": 1},
    **{"r2_adjusted": 1, "orthogonality": -1, "numerical_rank_0.1": -1},
}
UNEDITED = "none"
SIDES = ("images", "texts", "both")
COLUMNS = (
    *("model", "set", "edit", "dose", "side", "space", "metric", "against"),
    *("value", "low", "high", "chance", "n", "seconds", "note"),
)
Key = tuple[str, float, str]  # edit, dose and side


def intervene_on_model(study: Study, model: str) -> pd.DataFrame:
    """Edit one model's embeddings of every set, write `edits/<model>.parquet` and return it.

    Raises
    ------
    StudyError
        If the study asks for no edits.
    """
    settings = study.interventions
    if settings is None:
        raise StudyError(
            f"study {study.name} asks for no edits of embeddings; add `edits: {{}}` to its file"
        )
    tables = []
    for set_ in study.sets:
        start = time.perf_counter()
        tensors, metadata = read_tensors(study.paths.embeddings(model, set_))
        reason = metadata.get("missing")
        if reason is None:
            truth = read_manifest(study, set_)["composition"].to_numpy()
            fitted, tested = divide(truth, members(study, model)["unseen"], study.seed)
            try:
                table = score_interventions(study, settings, tensors, truth, fitted, tested)
            except ValueError as error:
                reason = f"cannot be edited: {error}"
        if reason is not None:
            table = missing(model, set_, reason).assign(edit="", dose=np.nan, side="", against="")
        table = table.assign(model=model, set=set_, seconds=time.perf_counter() - start)
        tables.append(table[list(COLUMNS)])
    joined = pd.concat(tables, ignore_index=True)
    write_table(joined, study.paths.model_interventions(model))
    return joined


def divide(truth: np.ndarray, unseen: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids of the compositions that edits are fitted on, and of those that they are tried on.

    Unseen compositions with an image are tried on, and the others with one fitted on. Where all
    are unseen, as for checkpoints from elsewhere, that is a random half each.

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
    """What edits are tried on: rows of images, their compositions, and those compositions."""

    rows: np.ndarray
    truth: np.ndarray
    compositions: np.ndarray
    words: Vocabulary
    seed: int

    def right(self, images: np.ndarray, texts: np.ndarray) -> np.ndarray:
        """Whether pair, attribute and object of each image are answered rightly: [n, 3]."""
        answers = Answers(self.truth, nearest(images, texts, 1))
        found = {name: right for name, right, _ in hits(answers, self.words, self.labels)}
        return np.stack([found[name] for name in ACCURACIES], axis=1).astype(np.float32)

    def metrics(self, codes: np.ndarray, side: str) -> pd.Series:
        """Each of `METRICS` of edited codes: of the images, or of all texts."""
        texts = side == "texts"
        ids = self.compositions if texts else self.truth
        factors = np.stack([self.words.attribute_of(ids), self.words.object_of(ids)], axis=1)
        z = normalise(codes[ids] if texts else codes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MetricWarning)  # NaN says as much
            table = evaluate(
                *(z, factors),
                metrics=("dci", "dcimig", "explicitness"),
                nulls=(),
                rng=self.seed,
            )
            found = table[table["variant"] == WHOLE].set_index("metric")["value"].to_dict()
            fit = linear.fit_additive(z, factors)
            found["r2_adjusted"] = linear.r_squared(fit).parts.get("adjusted", np.nan)
            found["orthogonality"] = directions.orthogonality(fit).value
            found["numerical_rank_0.1"] = numerical_rank(z, relative=True).value
        return pd.Series({name: found[name] for name in METRICS}, dtype=float)

    @property
    def labels(self) -> np.ndarray:
        """All compositions are offered as classes."""
        return np.arange(self.words.size)


def score_interventions(
    study: Study,
    settings: Interventions,
    tensors: dict[str, np.ndarray],
    truth: np.ndarray,
    fitted: np.ndarray,
    tested: np.ndarray,
) -> pd.DataFrame:
    """Accuracies and metrics of every edit as a long table: `COLUMNS` but for model and set.

    Interventions and doses are those of `cood.evaluation.interventions.edits.edits`; `side` says what was edited:
    ``images``, ``texts`` or ``both``. `against` says what the value is:

    - empty: the accuracy itself (`ACCURACIES`; all compositions are offered as labels), or the
      metric (`METRICS`; of the codes of the space that was edited);
    - ``unedited``: the difference to the codes as they are, on the same images;
    - ``control``: the difference to the control of the edit (`CONTROLS`), at the same dose.

    Accuracies have intervals from resampling compositions, the same resamples for all, so those
    of differences are paired ones. Of random edits an image counts as right as often as it is
    over the draws; their metrics are those of the first one.

    Parameters
    ----------
    study, settings
        The study, and what it says of edits.
    tensors, truth
        Embeddings, as `cood.evaluation.embed.evaluation_sets` makes them; composition id [n] of each image.
    fitted, tested
        Ids of the compositions that edits are fitted on and tried on, as `divide` gives them.

    Raises
    ------
    ValueError
        If either holds fewer than two attributes or objects.
    """
    words = study.words
    images, texts = normalise(tensors["images"]), normalise(tensors["compositions"])
    inside, rows = np.isin(truth, fitted), np.flatnonzero(np.isin(truth, tested))
    rng = np.random.default_rng((study.seed, EDITING, 1))
    rows = np.sort(rng.permutation(rows)[: settings.samples])
    shown = np.unique(truth[rows])
    if min(len(np.unique(of(shown))) for of in (words.attribute_of, words.object_of)) < 2:
        raise ValueError("at least two attributes and two objects are needed among what is tried")
    test = _Test(rows, truth[rows], shown, words, study.seed)
    every = np.arange(words.size)
    factors = np.stack([words.attribute_of(every), words.object_of(every)], axis=1)
    known = (
        structure(images[inside], factors[truth[inside]]),
        structure(texts[fitted], factors[fitted]),
    )
    sums = predicted(texts, fitted, factors)
    images = images[rows]
    right: dict[Key, np.ndarray] = {(UNEDITED, 0.0, "both"): test.right(images, texts)}
    metrics = {
        (UNEDITED, 0.0, "images"): test.metrics(images, "images"),
        (UNEDITED, 0.0, "texts"): test.metrics(texts, "texts"),
    }
    seed = (study.seed, EDITING, 2)
    for one in edits(*(images, texts, known, sums, settings.doses, settings.repeats, seed, fitted)):
        codes = {"images": one.images, "texts": one.texts}
        given = {side: z for side, z in codes.items() if z is not None}
        for side, z in given.items():
            key = (one.edit, one.dose, side)
            if key not in metrics:
                metrics[key] = test.metrics(z, side)
        sides = [*given] if one.alone else []
        for side in [*sides, "both"] if len(given) == 2 else sides:
            pair = (
                images if side == "texts" else given["images"],
                texts if side == "images" else given["texts"],
            )
            key = (one.edit, one.dose, side)
            part = test.right(*pair) / (settings.repeats if one.edit in RANDOM else 1)
            right[key] = right[key] + part if key in right else part
    tables = [_accuracies(study, right, test), _metrics(metrics, test)]
    return pd.concat(tables, ignore_index=True).assign(note="")


def _control(key: Key) -> Key | None:
    edit, dose, side = key
    name = CONTROLS.get(edit)
    return None if name is None else (name, 0.0 if name == "centre" else dose, side)


def _accuracies(study: Study, right: dict[Key, np.ndarray], test: _Test) -> pd.DataFrame:
    answers = Answers(test.truth, test.truth[:, None])
    chance = {name: float(c.mean()) for name, _, c in hits(answers, test.words, test.labels)}
    plain, rows, columns = right[UNEDITED, 0.0, "both"], [], []
    for key, found in right.items():
        kinds = {"": found} if key[0] == UNEDITED else {"": found, "unedited": found - plain}
        control = _control(key)
        if control in right:
            kinds["control"] = found - right[control]
        for against, values in kinds.items():
            for metric, column in zip(ACCURACIES, values.T, strict=True):
                rows.append((*key, metric, against, np.nan if against else chance[metric]))
                columns.append(column)
    estimates = grouped_means(
        np.stack(columns, axis=1),
        test.truth,
        rng=np.random.default_rng(study.seed),
        resamples=study.evaluation.resamples,
        level=study.evaluation.level,
    )
    table = pd.DataFrame(rows, columns=["edit", "dose", "side", "metric", "against", "chance"])
    return table.assign(
        space="image",
        **{
            name: [getattr(one, name) for one in estimates]
            for name in ("value", "low", "high", "n")
        },
    )


def _metrics(found: dict[Key, pd.Series], test: _Test) -> pd.DataFrame:
    rows = []
    for key, values in found.items():
        edit, dose, side = key
        kinds = {"": values}
        if edit != UNEDITED:
            kinds["unedited"] = values - found[UNEDITED, 0.0, side]
        control = _control(key)
        if control in found:
            kinds["control"] = values - found[control]
        n = len(test.compositions) if side == "texts" else len(test.truth)
        for against, each in kinds.items():
            for metric, value in each.items():
                row = {"edit": edit, "dose": dose, "side": side, "space": side.removesuffix("s")}
                rows.append(row | {"metric": metric, "against": against, "value": value, "n": n})
    return pd.DataFrame(rows).assign(low=np.nan, high=np.nan, chance=np.nan)
