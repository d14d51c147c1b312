"""The settings with which models were trained, in words, where they differ between the models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from cood.settings import NO_TREATMENT, PLACEBO

TRAINED = "share"  # a column that has a value for models that are trained here only
WORDS_A_LINE = 3  # settings in a line of a label


@dataclass(frozen=True)
class Setting:
    """How readers see a setting.

    Attributes
    ----------
    heading
        Of a column of a table.
    number
        Format of a value.
    phrase
        Format of a value within words.
    """

    heading: str
    number: str = "{}"
    phrase: str = "{}"


SETTINGS = {
    "share": Setting("share seen", "{:.0%}", "sees {} of the compositions outside the core"),
    "images": Setting("drawings", "{:,.0f}", "{} drawings"),
    "steps": Setting("steps", "{:,.0f}", "{} steps"),
    "batch": Setting("batch", "{:,.0f}", "batches of {}"),
    "skew": Setting("skew", "{:.2f}", "skew {}"),
    "wrong_captions": Setting("wrong captions", "{:.0%}", "{} wrong captions"),
    "pair_captions": Setting("captions of pairs", "{:.0%}", "{} of the captions name the pair"),
    "learning_rate": Setting("learning rate", "{:.2g}", "learning rate {}"),
    "weight_decay": Setting("weight decay", "{:.2g}", "weight decay {}"),
    "embed_dim": Setting("width", "{:.0f}", "width {}"),
    "image_tower": Setting("image tower", phrase="image tower {}"),
    "text_tower": Setting("text tower", phrase="text tower {}"),
    "loss": Setting("loss", phrase="{} loss"),
    "treatment": Setting("treatment"),
    "strength": Setting("strength", "{:.2g}", "strength {}"),
    "seed": Setting("seed", "{:.0f}", "seed {}"),
}


def varying_settings(models: pd.DataFrame) -> list[str]:
    """Columns of `SETTINGS` in which the models that are trained here differ."""
    if TRAINED not in models:
        return []
    trained = models[models[TRAINED].notna()]
    return [name for name in SETTINGS if name in trained and trained[name].nunique() > 1]


def setting_text(name: str, value: Any) -> str:
    """A setting of a model as a cell of a table shows it.

    Examples
    --------
    >>> setting_text("share", 0.413), setting_text("treatment", "additivity_placebo")
    ('41%', 'placebo of additivity')
    """
    if name == "treatment":
        placebo = value.endswith(PLACEBO)
        return f"placebo of {value.removesuffix(PLACEBO)}" if placebo else value
    return SETTINGS[name].number.format(value)


def model_lines(models: pd.DataFrame) -> dict[str, list[str]]:
    """Lines of each model's label, by its name.

    Of a model that is trained here, the settings in which such models differ; of others, family and
    architecture.

    Parameters
    ----------
    models
        Table of models with `model` and `family`, and what else is known of them.
    """
    varying = varying_settings(models)
    lines = {}
    for row in models.to_dict("records"):
        if varying and pd.notna(row[TRAINED]):
            words = [_phrase(name, row[name]) for name in varying if _applies(name, row)]
            starts = range(0, len(words), WORDS_A_LINE)
            lines[row["model"]] = [", ".join(words[k : k + WORDS_A_LINE]) for k in starts]
        else:
            parts = (row["family"], row.get("architecture"))
            lines[row["model"]] = [", ".join(part for part in parts if isinstance(part, str))]
    return lines


def _applies(name: str, row: dict[str, Any]) -> bool:
    return name != "strength" or row["treatment"] != NO_TREATMENT


def _phrase(name: str, value: Any) -> str:
    text = setting_text(name, value)
    if name == "treatment" and value == NO_TREATMENT:
        return "no treatment"
    return SETTINGS[name].phrase.format(text)
