"""The settings with which models were trained, in words, where they differ between the models."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cood.settings import NO_TREATMENT

TRAINED = "share"  # a column that has a value for models that are trained here only
WORDS_A_LINE = 3  # settings in a line of a label


# By setting, the format of its value, and of that among words.
SETTINGS = {
    "share": ("{:.0%}", "sees {} of the compositions outside the core"),
    "images": ("{:,.0f}", "{} images"),
    "steps": ("{:,.0f}", "{} steps"),
    "batch": ("{:,.0f}", "batches of {}"),
    "skew": ("{:.2f}", "skew {}"),
    "wrong_captions": ("{:.0%}", "{} wrong captions"),
    "pair_captions": ("{:.0%}", "{} of the captions name the pair"),
    "learning_rate": ("{:.2g}", "learning rate {}"),
    "weight_decay": ("{:.2g}", "weight decay {}"),
    "embed_dim": ("{:.0f}", "width {}"),
    "image_tower": ("{}", "image tower {}"),
    "text_tower": ("{}", "text tower {}"),
    "loss": ("{}", "{} loss"),
    "treatment": ("{}", "{}"),
    "strength": ("{:.2g}", "strength {}"),
    "seed": ("{:.0f}", "seed {}"),
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
    ('41%', 'additivity placebo')
    """
    return SETTINGS[name][0].format(value).replace("_", " ")


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
    known = pd.notna(row[name])
    return known and (name != "strength" or row["treatment"] != NO_TREATMENT)


def _phrase(name: str, value: Any) -> str:
    if name == "treatment" and value == NO_TREATMENT:
        return "no treatment"
    return SETTINGS[name][1].format(setting_text(name, value))
