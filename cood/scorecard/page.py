"""Scorecards as one HTML page, with the pictures that were answered wrongly inside the file."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

import pandas as pd

from cood.evaluation.common.score_table import ALL
from cood.files import atomic
from cood.metrics.printing import decimal
from cood.metrics.registry import metric_label
from cood.scorecard.card import Leaderboard, Scorecard
from cood.scorecard.photos import Photos
from cood.scorecard.printing import (
    ACCURACIES,
    BINDING,
    COMPARED,
    in_percent,
    metric_notes,
    percent,
    with_interval,
    words_text,
)
from cood.synthesis.image_files import load_image
from cood.synthesis.notes import dropped_lines, noted_lines

SIDE = 144  # pixels of a thumbnail
QUALITY = 80
MOST = 1000  # pictures in a page, about 5 MB


def write_page(photos: Photos, board: Leaderboard, path: Path) -> None:
    """Write a page that needs neither network nor other files.

    Parameters
    ----------
    photos
        The images that the models were tested on.
    board
        Their scores.
    path
        Of the page.

    Raises
    ------
    ArtefactError
        If the page cannot be written, or an image is not there any more.
    """
    page = Template((files(__package__) / "page.html").read_text(encoding="utf-8"))
    names = ", ".join(card.model for card in board.cards)
    text = page.substitute(
        title=escape(f"{names} on {photos.folder.name or 'images'}"),
        summary=escape(words_text(board.cards[0].words, board.cards[0].answers.truth)),
        body="\n".join(_sections(photos, board)),
    )
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _sections(photos: Photos, board: Leaderboard) -> Iterator[str]:
    yield "<h2>Accuracy (%)</h2>"
    yield _accuracies(board)
    yield f"<p>In brackets: 95 % intervals. {escape(BINDING)}</p>"
    notes = [f"{card.model}: {note}" for card in board.cards for note in card.notes]
    if notes:
        yield f"<h3>Notes</h3>{_list(notes)}"
    if len(board.cards) > 1:
        yield "<h2>Differences on the same images, in points</h2>"
        yield _differences(board.differences)
    for kind in ("attribute", "object"):
        yield f"<h2>Pair accuracy (%) by {kind}</h2>"
        yield _by_word(board.cards, kind)
    yield "<h2>Pictures answered wrongly</h2>"
    yield from _pictures(photos, board.cards)
    yield "<h2>Embeddings</h2>"
    yield "<p>In brackets: 95 % intervals. Null: mean under shuffled labels.</p>"
    for card in board.cards:
        yield f"<h3>{escape(card.model)}</h3>"
        yield _representation(card)
        noted = metric_notes(card.representation)
        if noted:
            yield _list(noted)
    lines = dropped_lines(photos.dropped["file"], photos.dropped["reason"])
    lines += [f"left out: {name}: {reason}" for name, reason in board.missing.items()]
    if lines:
        yield "<h2>Not used</h2>"
        yield _list(lines)
    notes = noted_lines(photos.noted["file"], photos.noted["note"])
    if notes:
        yield "<h2>Noted</h2>"
        yield _list(notes)


def _accuracies(board: Leaderboard) -> str:
    rows = []
    for metric, name in ACCURACIES.items():
        tables = [card.accuracy.set_index(["metric", "labels"]) for card in board.cards]
        if (metric, ALL) not in tables[0].index:
            continue
        cells = [in_percent(table.loc[(metric, ALL)]) for table in tables]
        first = tables[0].loc[(metric, ALL)]
        rows.append([name, *cells, percent(first["chance"]), f"{first['n']:.0f}"])
    return _table(["", *(card.model for card in board.cards), "chance", "n"], rows)


def _differences(differences: pd.DataFrame) -> str:
    rows = []
    for (model, against), own in differences.groupby(["model", "against"], sort=False):
        values = own.set_index("metric")
        cells = [in_percent(values.loc[metric]) for metric in COMPARED]
        rows.append([f"{model} minus {against}", *cells])
    return _table(["", *(ACCURACIES[metric] for metric in COMPARED)], rows)


def _by_word(cards: Sequence[Scorecard], kind: str) -> str:
    tables = [card.images.groupby(kind)["right"].mean() for card in cards]
    counts = cards[0].images[kind].value_counts()
    rows = [
        [str(word), *(percent(table[word]) for table in tables), str(counts[word])]
        for word in tables[0].index
    ]
    return _table([kind, *(card.model for card in cards), "images"], rows)


def _representation(card: Scorecard) -> str:
    table = card.representation
    rows = []
    for metric, own in table.groupby("metric", sort=False):
        sides = own.set_index("space")
        cells = []
        for space in ("image", "text"):
            row = sides.loc[space]
            cells += [with_interval(row), decimal(row["chance"])]
        rows.append([metric_label(str(metric)), *cells])
    return _table(["", "images", "null", "texts", "null"], rows)


def _pictures(photos: Photos, cards: Sequence[Scorecard]) -> Iterator[str]:
    """Each picture that a model answered wrongly, by attribute and object."""
    answered = [card.images for card in cards]
    wrong = ~pd.concat([table["right"] for table in answered], axis=1).all(axis=1)
    order = answered[0][wrong].sort_values(["attribute", "object", "file"], kind="stable")
    if order.empty:
        yield "<p>None.</p>"
        return
    if len(order) > MOST:
        yield f"<p>The first {MOST:,} of {len(order):,}.</p>"
    for (attribute, object_), own in order.head(MOST).groupby(["attribute", "object"], sort=False):
        same = (answered[0]["attribute"] == attribute) & (answered[0]["object"] == object_)
        many = f"{(same & wrong).sum()} of {same.sum()}"
        yield f"<h3>{escape(f'{attribute} {object_}')}: {many}</h3>"
        yield '<div class="pictures">'
        for row, file in own["file"].items():
            yield _figure(photos.folder, str(file), int(str(row)), cards, answered)
        yield "</div>"


def _figure(
    folder: Path,
    file: str,
    row: int,
    cards: Sequence[Scorecard],
    answered: Sequence[pd.DataFrame],
) -> str:
    lines = []
    for card, table in zip(cards, answered, strict=True):
        image = table.loc[row]
        answer = f"{image['answered_attribute']} {image['answered_object']}"
        if not image["right"]:
            lines.append(answer if len(cards) == 1 else f"{card.model}: {answer}")
    caption = f'<span class="file">{escape(file)}</span>{_list(lines)}'
    picture = f'<img src="{_thumbnail(folder, file)}" alt="{escape(file)}" loading="lazy">'
    return f"<figure>{picture}<figcaption>{caption}</figcaption></figure>"


def _thumbnail(folder: Path, file: str) -> str:
    picture = load_image(folder, file)
    picture.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, format="jpeg", quality=QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    lines = [
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    ]
    inside = f"<thead><tr>{top}</tr></thead><tbody>{''.join(lines)}</tbody>"
    return f'<div class="scroll" tabindex="0"><table>{inside}</table></div>'


def _list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"
