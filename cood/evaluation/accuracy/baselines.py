"""What can be had without looking at the object: both must be at chance, or the set leaks."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cood.evaluation.accuracy.zero_shot import COLUMNS, Answers, tabulate
from cood.evaluation.common.resampling import grouped_mean
from cood.files import write_table
from cood.settings import BASELINES
from cood.settings.study_file import Study
from cood.splits import training_captions
from cood.synthesis.drawing.draw import draw_background
from cood.synthesis.drawing.icon_sets import image_seed
from cood.synthesis.manifests import read_manifest

FOLDS = 5
THUMB = 8  # pixels a side: backgrounds are smooth, more adds only noise


def score_baselines(study: Study) -> pd.DataFrame:
    """Score the baselines on every set, write `scores/baselines.parquet` and return it."""
    tables = [text_only(study, set_) for set_ in study.sets]
    # The background of an image that was not drawn here is not known.
    drawn = [name for name, settings in study.sets.items() if settings.source == "icons"]
    tables += [background_only(study, set_) for set_ in drawn]
    table = pd.concat(tables, ignore_index=True)
    write_table(table, study.paths.model_accuracy(BASELINES))
    return table


def text_only(study: Study, set_: str) -> pd.DataFrame:
    """Answer every image with the composition that training captions name most often.

    What a model could score by the words alone: of each trained model's captions, the most
    frequent compositions, in that order, whatever the image.
    """
    truth = read_manifest(study, set_)["composition"].to_numpy()
    words, tables = study.words, []
    for name, settings in study.trained.items():
        captions = training_captions(study, settings)
        named = captions.loc[captions["names"] == "pair", "composition"]
        frequency = np.bincount(named, minlength=words.size)
        ranked = np.argsort(-frequency, kind="stable")
        pairs = np.tile(ranked[:5], (len(truth), 1))
        labels = np.arange(words.size)
        table = tabulate(Answers(truth, pairs), words, labels, study.evaluation, study.seed)
        tables.append(table.assign(variant=f"captions of {name}"))
    if not tables:  # only checkpoints, whose captions are not at hand
        return pd.DataFrame(columns=list(COLUMNS))
    return _finish(pd.concat(tables, ignore_index=True), "text only", set_)


def background_only(study: Study, set_: str) -> pd.DataFrame:
    """Predict attribute and object from the background of each image, the object left out.

    A linear classifier on the pixels of the backgrounds that the images of the set were drawn
    on, cross-validated so that no composition is both in training and in test.
    """
    manifest = read_manifest(study, set_)
    truth, words = manifest["composition"].to_numpy(), study.words
    size = study.drawings(set_).size
    pixels = np.stack(
        [
            _thumbnail(draw_background(np.random.default_rng(image_seed(study.seed, c, k)), size))
            for c, k in manifest[["composition", "seed"]].itertuples(index=False)
        ]
    )
    rows = []
    for factor, of in (("attribute", words.attribute_of), ("object", words.object_of)):
        labels = of(truth)
        # Each fold needs a composition of each word.
        n_folds = max(2, min(FOLDS, words.size // len(np.unique(labels))))
        folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=study.seed)
        probe = make_pipeline(StandardScaler(), RidgeClassifier(alpha=100.0))
        predicted = cross_val_predict(probe, pixels, labels, groups=truth, cv=folds)
        found = grouped_mean(
            predicted == labels,
            truth,
            rng=np.random.default_rng(study.seed),
            resamples=study.evaluation.resamples,
            level=study.evaluation.level,
        )
        row = (f"{factor}_top1", "all", found.value, found.low, found.high)
        rows.append((*row, 1 / len(np.unique(labels)), found.n))
    columns = ["metric", "group", "value", "low", "high", "chance", "n"]
    table = pd.DataFrame(rows, columns=columns).assign(variant="linear probe")
    return _finish(table, "background only", set_)


def _thumbnail(pixels: np.ndarray) -> np.ndarray:
    side = len(pixels) // THUMB
    cut = pixels[: side * THUMB, : side * THUMB].astype(np.float32)
    return cut.reshape(THUMB, side, THUMB, side, 3).mean(axis=(1, 3)).ravel()


def _finish(table: pd.DataFrame, model: str, set_: str) -> pd.DataFrame:
    fixed = {"model": model, "set": set_, "split": "all", "space": "image"}
    return table.assign(**fixed, seconds=np.nan, note="baseline")[list(COLUMNS)]
