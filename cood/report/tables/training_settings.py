"""The training settings of the models of a study, as a table."""

from __future__ import annotations

import pandas as pd

from cood.settings import Training
from cood.settings.study_file import Study

# By key, as readers see it; in the order of the page on the experiment.
SETTINGS = {
    "share": "share of the compositions outside the core",
    "images": "images",
    "steps": "steps",
    "batch": "images a step",
    "skew": "skew",
    "wrong_captions": "share of wrong captions",
    "pair_captions": "share of captions that name the pair",
    "learning_rate": "learning rate",
    "weight_decay": "weight decay",
    "embed_dim": "width of the embeddings",
    "image_tower": "image tower",
    "text_tower": "text tower",
    "loss": "loss",
    "treatment": "treatment",
    "strength": "strength of the treatment",
}
FEW = 3  # so many different values are listed one by one
LARGE = 100  # from which numbers are shown without decimals
NO_MODEL = "The study trains no model."


def training_settings(study: Study) -> pd.DataFrame:
    """A row a training setting: its values over the models that are trained here.

    Returns
    -------
    pandas.DataFrame
        `setting`, `key` and `values`: the value that all models have; each value with the number
        of models, for words and for few values; or lowest, median and highest value.
    """
    trained = list(study.trained.values())
    if not trained:
        return pd.DataFrame([{"setting": NO_MODEL, "key": "", "values": ""}])
    rows = [
        {"setting": name, "key": key, "values": _values(trained, key)}
        for key, name in SETTINGS.items()
    ]
    return pd.DataFrame(rows)


def _values(trained: list[Training], key: str) -> str:
    values = pd.Series([getattr(settings, key) for settings in trained])
    if key == "strength":  # that of no treatment is 0 and no strength
        values = values[values > 0]
    counts = values.value_counts().sort_index()
    if counts.empty:
        return "none"
    if len(counts) == 1:
        return _shown(counts.index[0])
    if len(counts) <= FEW or not pd.api.types.is_numeric_dtype(values):
        return ", ".join(f"{_shown(value)} ({n})" for value, n in counts.items())
    low, median, high = values.min(), values.median(), values.max()
    return f"{_shown(low)} to {_shown(high)}, median {_shown(median)}"


def _shown(value: object) -> str:
    if not pd.api.types.is_number(value):
        return str(value).replace("_", " ")
    return f"{value:,.0f}" if value >= LARGE else f"{value:.3g}"  # type: ignore[operator]
