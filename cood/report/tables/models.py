"""Tables of models: the leaderboard, models with the same settings, skipped models."""

from __future__ import annotations

from functools import partial

import pandas as pd
from pandas.io.formats.style import Styler

from cood.analysis.results import percent
from cood.report.model_settings import SETTINGS, TRAINED, setting_text, varying_settings
from cood.report.tables.formatting import MISSING, styled

DESCRIPTION = (
    "architecture",
    *SETTINGS,
    "parameters",
    "data",  # from here on: of published checkpoints
    "samples_seen",
    "published_id",
)
# Too wide for the page.
ONLY_SAVED = {"seed", "parameters", "samples_seen", "ID is", "ID published by"}
ACCURACIES = ("ID", "C-OoD")
PUBLISHED_HEADING = "ImageNet, published"


def leaderboard(models: pd.DataFrame, inside: pd.DataFrame, outside: pd.DataFrame) -> pd.DataFrame:
    """Models by C-OoD accuracy, with ID accuracy, both intervals and a description of each.

    Parameters
    ----------
    models
        Table of models.
    inside, outside
        ID and C-OoD accuracy, indexed by model: `value`, `low` and `high`.
    """
    columns = ["model", *(column for column in DESCRIPTION if column in models)]
    board = models[columns].set_index("model")
    for name, values in zip(ACCURACIES, (inside, outside), strict=True):
        board[name] = values["value"]
        board[f"{name} low"], board[f"{name} high"] = values["low"], values["high"]
    return board.dropna(subset=["C-OoD"]).sort_values("C-OoD", ascending=False).reset_index()


def styled_leaderboard(board: pd.DataFrame, id_heading: str = "ID") -> Styler:
    """A leaderboard for readers: accuracies in percent with their intervals.

    Of the settings of training, those in which the models differ. `id_heading` is the heading of ID
    accuracy, which is left out where no model has any.
    """
    settings = [name for name in varying_settings(board) if name not in ONLY_SAVED]
    hidden = ONLY_SAVED | (set(SETTINGS) - set(settings))
    if settings and board[TRAINED].notna().all():
        hidden |= {"architecture"}  # its parts are settings
    hidden |= {c for c in board if c.endswith((" low", " high"))}
    table = board.drop(columns=[c for c in board if c in hidden])
    for name in settings:
        shown = board[name].map(partial(setting_text, name), na_action="ignore")
        table[name] = shown.where(board[name].notna(), MISSING)
    for name in ACCURACIES:
        estimates = board[[name, f"{name} low", f"{name} high"]].to_numpy()
        table[name] = [percent(*estimate) for estimate in estimates]
    if "published_id" in table:
        published = table.pop("published_id")
        is_id_accuracy = published.isna() | (published == board["ID"])
        if not is_id_accuracy.all():
            table[PUBLISHED_HEADING] = published.map(percent, na_action="ignore")
    headings = {name: name.replace("_", " ") for name in settings}
    table = table.rename(columns={"ID": id_heading, **headings})
    if board["ID"].isna().all():
        table = table.drop(columns=id_heading)
    first = ["model", "C-OoD", id_heading, "above the line"]
    table = table[[c for c in first if c in table] + [c for c in table if c not in first]]
    wide = styled(table).set_table_attributes('class="dataframe intervals"')
    return wide.format(precision=1, thousands=",", na_rep=MISSING)


def seed_noise(models: pd.DataFrame, accuracy: pd.DataFrame) -> str:
    """Range of an accuracy over models with the same settings but the seed, to follow a colon."""
    trained = models[models["kind"] == "trained here"]
    # Models of different seeds are of different families.
    own = {"model", "seed", "family", "missing", "notes", "parameters"}
    keys = [c for c in trained if c not in own]
    ranges = []
    for _, group in trained.groupby(keys, dropna=False):
        values = accuracy["value"].reindex(group["model"]).dropna()
        if len(values) > 1:
            low, high = percent(values.min()), percent(values.max())
            names = ", ".join(values.index)
            ranges.append(f"the accuracies of {names} range from {low} to {high}")
    if not ranges:
        return "no two models have the same settings, so this variation is unknown."
    return (
        f"over models that differ only in their seed (draw of compositions, captions, drawings "
        f"and initial weights), {'; '.join(ranges)}. Smaller differences between models may be "
        "noise."
    )


def skipped_models(models: pd.DataFrame) -> str:
    """Which models are not in the results, and why, and notes on the others, in sentences."""
    missing = models[models["missing"] != ""]
    said = "All models of the study are in the table."
    if not missing.empty:
        named = [f"{row.model} ({row.missing})" for row in missing.itertuples()]
        said = f"Skipped, because they could not be loaded: {'; '.join(named)}."
    if "notes" not in models:
        return said
    noted = models[models["notes"].fillna("") != ""]
    notes = [f"Note on {row.model}: {row.notes}." for row in noted.itertuples()]
    return " ".join([said, *notes])
