"""Tables of scorecards as text of at most 80 columns."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from cood.evaluation.common.score_table import ALL, OWN
from cood.metrics.printing import MISSING, columns, decimal, interval, wrapped
from cood.metrics.registry import metric_label
from cood.synthesis.notes import dropped_lines, noted_lines
from cood.vocabulary import Vocabulary

# Accuracies that are shown, and what they are called.
ACCURACIES = {
    "pair_top1": "pair",
    "attribute_top1": "attribute",
    "object_top1": "object",
    "attribute_alone_top1": "attribute, asked alone",
    "object_alone_top1": "object, asked alone",
    "binding": "binding",
}
COMPARED = ("pair_top1", "attribute_top1", "object_top1")  # what models are ranked and compared by
# Of the ranks and the linear factorisation, those that are shown.
GEOMETRY = ("effective_rank", "r2_adjusted", "r2_held_out", "part_dependence", "orthogonality")
BINDING = "Binding: pair accuracy where both words are right when each is asked alone."


def words_text(words: Vocabulary, truth: np.ndarray) -> str:
    """How many images there are, and of which words; `truth` are their composition ids [n]."""
    return (
        f"{len(truth)} images of {len(np.unique(truth))} of {words.size} pairs; "
        f"{len(words.attributes)} attributes: {', '.join(words.attributes)}; "
        f"{len(words.objects)} objects: {', '.join(words.objects)}"
    )


def accuracy_text(accuracy: pd.DataFrame, size: int, present: int) -> str:
    """Accuracies among all pairs, and pair accuracy among those that have an image.

    Parameters
    ----------
    accuracy
        As in a scorecard.
    size, present
        Number of pairs, and of those that have an image.
    """
    table = accuracy.set_index(["metric", "labels"])
    shown = [(metric, ALL) for metric in ACCURACIES if (metric, ALL) in table.index]
    if present < size:
        shown.insert(1, ("pair_top1", OWN))
    rows = []
    for metric, labels in shown:
        name = ACCURACIES[metric]
        if metric == "pair_top1":
            name += f", among {size if labels == ALL else present}"
        row = table.loc[(metric, labels)]
        between = f"[{percent(row['low'])}, {percent(row['high'])}]"
        cells = [percent(row["value"]), between, percent(row["chance"]), f"{row['n']:.0f}"]
        rows.append([name, *cells])
    return columns(["", "%", "interval", "chance", "n"], rows)


def representation_text(representation: pd.DataFrame) -> str:
    """Metrics of the embeddings of both encoders, beside each other."""
    table = representation.set_index(["metric", "space"])
    rows = []
    for metric in dict.fromkeys(representation["metric"]):
        row = [metric_label(metric)]
        for space in ("image", "text"):
            here = table.loc[(metric, space)] if (metric, space) in table.index else None
            row += ["", ""] if here is None else [with_interval(here), decimal(here["chance"])]
        rows.append(row)
    return columns(["", "images", "null", "texts", "null"], rows)


def metric_notes(representation: pd.DataFrame) -> list[str]:
    """What must be known to read metrics of embeddings: a sentence a note."""
    noted = representation[representation["note"] != ""]
    lines = []
    for note, rows in noted.groupby("note", sort=False):
        names = [
            f"{metric_label(metric)} ({space}s)"
            for metric, space in zip(rows["metric"], rows["space"], strict=True)
        ]
        lines.append(f"{', '.join(names)}: {note}")
    return lines


def notes_text(notes: Sequence[str], model: str = "") -> str:
    """Notes on a model, a line each; empty if there are none."""
    start = f"note on {model}" if model else "note"
    return "\n".join(wrapped(f"{start}: {note}") for note in notes)


def dropped_text(dropped: pd.DataFrame) -> str:
    """What was dropped, a line a reason; empty if nothing was."""
    return "\n".join(map(wrapped, dropped_lines(dropped["file"], dropped["reason"])))


def noted_text(noted: pd.DataFrame) -> str:
    """What was noted of images, a line a kind; empty if nothing was."""
    return "\n".join(map(wrapped, noted_lines(noted["file"], noted["note"])))


def ranking_text(table: pd.DataFrame) -> str:
    """Accuracies of several models, and chance; `table` is that of a leaderboard."""
    rows = []
    for model, own in table[table["labels"] == ALL].groupby("model", sort=False):
        cells = own.set_index("metric")
        rows.append([str(model), *(in_percent(cells.loc[metric]) for metric in COMPARED)])
    chance = cells["chance"]  # the same for all models
    chances = ", ".join(f"{ACCURACIES[m]} {percent(chance[m])}" for m in COMPARED)
    shown = columns(["", *(ACCURACIES[metric] for metric in COMPARED)], rows)
    return f"{shown}\n\nChance: {chances}"


def differences_text(differences: pd.DataFrame) -> str:
    """Differences of one model to others, a row a model."""
    rows = []
    for against, own in differences.groupby("against", sort=False):
        cells = own.set_index("metric")
        rows.append([str(against), *(in_percent(cells.loc[metric]) for metric in COMPARED)])
    return columns(["", *(ACCURACIES[metric] for metric in COMPARED)], rows)


def in_percent(row: pd.Series) -> str:
    """A share, or a difference of two, with its interval, in percent."""
    return f"{percent(row['value'])} [{percent(row['low'])}, {percent(row['high'])}]"


def with_interval(row: pd.Series) -> str:
    """A value with its interval, if it has one."""
    if not math.isfinite(row["low"]):
        return decimal(row["value"])
    return f"{decimal(row['value'])} {interval(row)}"


def percent(share: float) -> str:
    """A share in percent with one decimal; a dash if there is none."""
    return f"{100 * share:.1f}" if math.isfinite(share) else MISSING
