"""Scorecards as text of at most 80 columns."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

import pandas as pd

from cood.evaluation.common.score_table import ALL, OWN
from cood.metrics import LABELS
from cood.scorecard.card import COMPARED, Leaderboard, Scorecard
from cood.synthesis.external.dropped import dropped_lines

WIDTH = 80
MISSING = "-"
# Accuracies that are shown, and what they are called.
ACCURACIES = {
    "pair_top1": "pair",
    "attribute_top1": "attribute",
    "object_top1": "object",
    "attribute_alone_top1": "attribute, asked alone",
    "object_alone_top1": "object, asked alone",
    "binding": "binding",
}
GEOMETRY_LABELS = {
    "effective_rank": "Effective rank, relative",
    "r2_adjusted": "R² of word sums, adjusted",
    "r2_held_out": "R² of word sums, held out",
    "part_dependence": "Part dependence",
    "orthogonality": "Orthogonality",
}
BINDING = "Binding: pair accuracy where both words are right when each is asked alone."


def card_text(card: Scorecard) -> str:
    """All tables of one model."""
    parts = [
        f"{card.model}",
        _wrapped(words_text(card)),
        "Accuracy, with 95 % interval",
        accuracy_text(card),
        _wrapped(BINDING) if "binding" in set(card.accuracy["metric"]) else "",
        "Embeddings: value [95 % interval], and mean under shuffled labels (null)",
        representation_text(card),
        dropped_text(card.dropped),
    ]
    return "\n\n".join(part for part in parts if part)


def words_text(card: Scorecard) -> str:
    """How many images there are, and of which words."""
    words = card.words
    pairs = len(set(card.answers.truth.tolist()))
    return (
        f"{len(card.files)} images of {pairs} of {words.size} pairs; {len(words.attributes)} "
        f"attributes: {', '.join(words.attributes)}; {len(words.objects)} objects: "
        f"{', '.join(words.objects)}"
    )


def accuracy_text(card: Scorecard) -> str:
    """Accuracies among all pairs, and pair accuracy among those that have an image."""
    table = card.accuracy.set_index(["metric", "labels"])
    size = card.words.size
    shown = [(metric, ALL) for metric in ACCURACIES if (metric, ALL) in table.index]
    present = len(set(card.answers.truth.tolist()))
    if present < size:
        shown.insert(1, ("pair_top1", OWN))
    rows = []
    for metric, labels in shown:
        name = ACCURACIES[metric]
        if metric == "pair_top1":
            name += f", among {size if labels == ALL else present}"
        row = table.loc[(metric, labels)]
        interval = f"[{percent(row['low'])}, {percent(row['high'])}]"
        rows.append(
            [name, percent(row["value"]), interval, percent(row["chance"]), f"{row['n']:.0f}"]
        )
    return columns(["", "%", "interval", "chance", "n"], rows)


def representation_text(card: Scorecard) -> str:
    """Metrics of the embeddings of both encoders, beside each other."""
    table = card.representation.set_index(["metric", "space"])
    rows = []
    for metric in dict.fromkeys(card.representation["metric"]):
        row = [LABELS.get(metric, GEOMETRY_LABELS.get(metric, metric))]
        for space in ("image", "text"):
            here = table.loc[(metric, space)] if (metric, space) in table.index else None
            row += ["", ""] if here is None else [_with_interval(here), decimal(here["chance"])]
        rows.append(row)
    return columns(["", "images", "null", "texts", "null"], rows)


def _with_interval(row: pd.Series) -> str:
    if not math.isfinite(row["low"]):
        return decimal(row["value"])
    return f"{decimal(row['value'])} [{decimal(row['low'])}, {decimal(row['high'])}]"


def dropped_text(dropped: pd.DataFrame) -> str:
    """What was dropped, a line a reason; empty if nothing was."""
    return "\n".join(map(_wrapped, dropped_lines(dropped["file"], dropped["reason"])))


def board_text(board: Leaderboard) -> str:
    """The accuracies of all models, the differences to the best, and what could not be loaded."""
    best = board.cards[0]
    differences = board.differences[board.differences["model"] == best.model]
    parts = [
        _wrapped(words_text(best)),
        "Accuracy (%) with 95 % interval, the best pair accuracy first",
        columns(["", *(ACCURACIES[m] for m in COMPARED)], [_board_row(c) for c in board.cards]),
        f"Chance: {_chances(best)}",
        f"{best.model} minus the others, in points, on the same images",
        columns(
            ["", *(ACCURACIES[metric] for metric in COMPARED)],
            [
                _difference_row(name, rows)
                for name, rows in differences.groupby("against", sort=False)
            ],
        ),
        "\n".join(_wrapped(f"left out: {n}: {reason}") for n, reason in board.missing.items()),
        dropped_text(best.dropped),
    ]
    return "\n\n".join(part for part in parts if part)


def _board_row(card: Scorecard) -> list[str]:
    table = card.accuracy.set_index(["metric", "labels"])
    cells = [table.loc[(metric, ALL)] for metric in COMPARED]
    return [card.model, *(_interval(*cell[["value", "low", "high"]]) for cell in cells)]


def _chances(card: Scorecard) -> str:
    table = card.accuracy.set_index(["metric", "labels"])["chance"]
    return ", ".join(f"{ACCURACIES[m]} {percent(table.loc[(m, ALL)])}" for m in COMPARED)


def _difference_row(name: object, rows: pd.DataFrame) -> list[str]:
    table = rows.set_index("metric")
    cells = [table.loc[metric, ["value", "low", "high"]] for metric in COMPARED]
    return [str(name), *(_interval(*cell) for cell in cells)]


def _interval(value: float, low: float, high: float) -> str:
    return f"{percent(value)} [{percent(low)}, {percent(high)}]"


def percent(share: float) -> str:
    """A share in percent with one decimal; a dash if there is none."""
    return f"{100 * share:.1f}" if math.isfinite(share) else MISSING


def decimal(value: float) -> str:
    """A number with two decimals; a dash if there is none."""
    return f"{value:.2f}".replace("-0.00", "0.00") if math.isfinite(value) else MISSING


def columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of text: the first column to the left and cut to what is left, the others right."""
    others = [max(len(row[k]) for row in (head, *rows)) for k in range(1, len(head))]
    longest = max(len(row[0]) for row in (head, *rows))
    first = max(8, min(longest, WIDTH - sum(others) - 2 * len(others)))
    lines = []
    for row in (head, *rows):
        name = row[0] if len(row[0]) <= first else f"…{row[0][1 - first :]}"
        cells = [text.rjust(width) for text, width in zip(row[1:], others, strict=True)]
        lines.append("  ".join([name.ljust(first), *cells]).rstrip())
    return "\n".join(lines)


def _wrapped(text: str) -> str:
    whole = {"break_on_hyphens": False, "break_long_words": False}  # names can be copied
    return textwrap.fill(text, WIDTH, subsequent_indent="  ", **whole)
