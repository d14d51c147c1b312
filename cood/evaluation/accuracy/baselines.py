"""Baselines that do not look at the object: if they score above chance, the set leaks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cood.evaluation.accuracy.zero_shot import TOP, Answers, tabulate
from cood.evaluation.common.resampling import grouped_mean
from cood.evaluation.common.score_table import ALL, complete, concat, write_scores
from cood.evaluation.embeddings import read_truth
from cood.settings import BASELINES
from cood.settings.study_file import Study
from cood.synthesis.drawing.draw import draw_background
from cood.synthesis.drawing.icon_sets import image_seed
from cood.synthesis.manifests import read_manifest
from cood.training_set import training_captions

TEXT_ONLY, BACKGROUND_ONLY = "text only", "background only"  # their names, as those of models
NOTE = "baseline"
LINEAR_PROBE = "linear_probe"
FOLDS = 5
PENALTY = 100.0  # of the ridge classifier, as scikit-learn's alpha
THUMB = 8  # pixels a side: backgrounds are smooth, more adds only noise


def score_baselines(study: Study) -> pd.DataFrame:
    """Score the baselines on every set, write `accuracy/baselines.parquet` and return it."""
    tables = [text_only(study, set_) for set_ in study.sets]
    # Only of images that are drawn here can the background be drawn once more.
    drawn = [name for name, settings in study.sets.items() if settings.source == "icons"]
    tables += [background_only(study, set_) for set_ in drawn]
    table = concat(tables)
    write_scores(table, study.paths.model_accuracy(BASELINES))
    return table


def text_only(study: Study, set_: str) -> pd.DataFrame:
    """Predict, for every image, the composition that training captions name most often.

    This is what a model could score without the image: the most frequent compositions of each
    trained model's captions, in that order, for every image. Empty where only checkpoints are
    scored, whose captions are not available.
    """
    truth, words = read_truth(study, set_), study.words
    tables = []
    for name, settings in study.trained.items():
        captions = training_captions(study, settings)
        named = captions.loc[captions["names"] == "pair", "captioned"]
        frequency = np.bincount(named, minlength=words.size)
        ranked = np.argsort(-frequency, kind="stable")
        answers = Answers(truth, np.tile(ranked[:TOP], (len(truth), 1)))
        table = tabulate(answers, words, np.arange(words.size), study.evaluation, study.seed)
        tables.append(table.assign(fitted_on=name))
    return _baseline(concat(tables), TEXT_ONLY, set_)


def background_only(study: Study, set_: str) -> pd.DataFrame:
    """Predict attribute and object from the background of each image, without the object.

    A linear classifier on the pixels of the backgrounds that the images of the set were drawn
    on, cross-validated so that no composition is both in training and in test.
    """
    from sklearn.linear_model import RidgeClassifier
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    truth, words = read_truth(study, set_), study.words
    pixels = _backgrounds(study, set_)
    rows: list[dict[str, Any]] = []
    for factor, of in (("attribute", words.attribute_of), ("object", words.object_of)):
        labels = of(truth)
        # Each fold needs a composition of each word.
        n_folds = max(2, min(FOLDS, words.size // len(np.unique(labels))))
        folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=study.seed)
        probe = make_pipeline(StandardScaler(), RidgeClassifier(alpha=PENALTY))
        predicted = cross_val_predict(probe, pixels, labels, groups=truth, cv=folds)
        mean = grouped_mean(
            predicted == labels,
            truth,
            seed=study.seed,
            resamples=study.evaluation.resamples,
            level=study.evaluation.level,
        )
        row = {"metric": f"{factor}_top1", "chance": 1 / len(np.unique(labels))}
        rows.append(row | vars(mean))
    table = pd.DataFrame(rows).assign(category=ALL, method=LINEAR_PROBE)
    return _baseline(table, BACKGROUND_ONLY, set_)


def _backgrounds(study: Study, set_: str) -> np.ndarray:
    """Small images [n, pixels] of the backgrounds that the images of a set were drawn on."""
    size = study.drawings(set_).size
    manifest = read_manifest(study, set_)
    return np.stack(
        [
            _thumbnail(draw_background(np.random.default_rng(image_seed(study.seed, c, k)), size))
            for c, k in manifest[["composition", "seed"]].itertuples(index=False)
        ]
    )


def _thumbnail(pixels: np.ndarray) -> np.ndarray:
    side = len(pixels) // THUMB
    cut = pixels[: side * THUMB, : side * THUMB].astype(np.float32)
    return cut.reshape(THUMB, side, THUMB, side, 3).mean(axis=(1, 3)).ravel()


def _baseline(table: pd.DataFrame, model: str, set_: str) -> pd.DataFrame:
    fixed = {"model": model, "set": set_, "split": ALL, "space": "image", "labels": ALL}
    return complete(table.assign(**fixed), note=NOTE)
