"""Scorecards as files: JSON with everything, CSV with a row a score."""

from __future__ import annotations

import json
import math
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd

from cood.files import atomic
from cood.scorecard.card import Leaderboard, Scorecard
from cood.settings import Evaluation

FORMAT = 1  # of the JSON file; it rises when a key is renamed, removed or means something else


def as_json(board: Leaderboard, settings: Evaluation, seed: int) -> dict[str, Any]:
    """Everything that was computed, of numbers and texts; a number that does not exist is null.

    Keys: `format`; `cood` (version); `settings` (`templates`, `resamples`, `level`, `seed`);
    `words` (`attributes`, `objects`); `images` (number), `dropped` (`file`, `reason`) and `noted`
    (`file`, `note`); `models`, each with `model`, `notes`, `accuracy`, `representation` and
    `answers`; `differences`; `missing` (`model`, `reason`).
    """
    first = board.cards[0]
    return {
        "format": FORMAT,
        "cood": _version(),
        "settings": {
            "templates": list(settings.templates),
            "resamples": settings.resamples,
            "level": settings.level,
            "seed": seed,
        },
        "words": {"attributes": list(first.words.attributes), "objects": list(first.words.objects)},
        "images": len(first.files),
        "dropped": _records(first.dropped),
        "noted": _records(first.noted),
        "models": [_of_model(card) for card in board.cards],
        "differences": _records(board.differences),
        "missing": [{"model": name, "reason": why} for name, why in board.missing.items()],
    }


def _of_model(card: Scorecard) -> dict[str, Any]:
    return {
        "model": card.model,
        "notes": list(card.notes),
        "accuracy": _records(card.accuracy),
        "representation": _records(card.representation),
        "answers": _records(card.images),
    }


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    rows = table.astype(object).to_dict("records")
    return [{str(key): _plain(value) for key, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _version() -> str:
    try:
        return version("cood")
    except PackageNotFoundError:  # run from a clone that is not installed
        return ""


def write_json(board: Leaderboard, path: Path, settings: Evaluation, seed: int) -> None:
    """Write `as_json`."""
    text = json.dumps(as_json(board, settings, seed), indent=1, ensure_ascii=False, allow_nan=False)
    with atomic(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def write_csv(board: Leaderboard, path: Path) -> None:
    """Write every score of every model, a row a score, with the columns of a study that are used.

    A row with a model in `against` is the difference to it.
    """
    tables = [card.scores for card in board.cards]
    if len(board.differences):
        tables.append(board.differences)
    table = pd.concat(tables, ignore_index=True)
    used = [name for name in table if not (table[name].isna() | (table[name] == "")).all()]
    with atomic(path) as temporary:
        table[used].to_csv(temporary, index=False)
