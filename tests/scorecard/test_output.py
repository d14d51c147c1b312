"""What is printed and written: text of 80 columns, JSON, CSV, a page."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import cood
from cood.metrics.printing import WIDTH, columns
from cood.scorecard.card import compare
from cood.scorecard.page import write_page
from cood.scorecard.photos import read_photos
from cood.scorecard.saving import as_json, write_csv, write_json
from cood.scorecard.scoring import score_tensors
from cood.settings import Evaluation
from tests.synthesis.made_images import png

LONG = "hf-hub:an-organisation-with-a-name/a-model-with-a-very-long-name-of-many-words@main"


def quiet(text):
    pass


@pytest.fixture
def board(quick, photos):
    """Two models on the photos: one is right but for two traps, the other in a pair of four."""
    (photos / "red apple" / "empty.jpg").touch()
    clear = np.zeros((8, 8, 4), np.uint8)
    (photos / "rotten apple" / "0.png").write_bytes(png(clear))
    read = read_photos(photos, say=quiet)
    words = np.eye(4, dtype=np.float32)
    texts = {"attributes": words[:2], "objects": words[2:]}
    texts["compositions"] = (words[:2, None] + words[None, 2:]).reshape(4, 4)
    first = read.truth.copy()
    first[read.kept["file"].str.match(r"red polar bear/[01]")] = 2
    cards = [
        score_tensors(
            name,
            {"images": texts["compositions"][answers], **texts},
            read.truth,
            read.words,
            read.kept["file"].tolist(),
            read.dropped,
            read.noted,
            settings=Evaluation(),
            seed=0,
        )
        for name, answers in (("good", first), (LONG, np.zeros(20, int)))
    ]
    return read, compare(cards, Evaluation(), 0, {"far": "no network"})


def test_the_text_of_a_card_fits_and_says_what_there_is(board):
    _, ranked = board
    text = repr(ranked.cards[0])
    assert max(map(len, text.splitlines())) <= WIDTH
    assert re.search(r"^pair, among 4 +90\.0 +\[70\.0, 100\.0\] +25\.0 +20$", text, re.MULTILINE)
    assert re.search(r"^binding +100\.0 ", text, re.MULTILINE)
    assert re.search(r"^DCI completeness \(lines\) +0\.\d\d", text, re.MULTILINE)
    assert "1 file dropped, empty file: red apple/empty.jpg" in text
    assert "2 attributes: red, rotten; 2 objects: apple, polar bear" in " ".join(text.split())


def test_the_text_of_a_leaderboard_fits_and_names_the_best_first(board):
    _, ranked = board
    text = repr(ranked)
    assert max(map(len, text.splitlines())) <= WIDTH
    assert re.search(r"^good +90\.0 .*\n…\S*words@main +25\.0 ", text, re.MULTILINE)
    assert "good minus the others, in points, on the same images" in text
    assert "Chance: pair 25.0, attribute 50.0, object 50.0" in text
    assert "left out: far: no network" in text


def test_a_table_is_cut_at_its_names():
    lines = columns(["", "n"], [["x" * 200, "1"], ["short", "22"]]).splitlines()
    assert {len(line) for line in lines} == {WIDTH}
    assert lines[1].startswith("…xxx")


SCHEMA = {
    "format": int,
    "cood": str,
    "settings": {"templates": [str], "resamples": int, "level": float, "seed": int},
    "words": {"attributes": [str], "objects": [str]},
    "images": int,
    "dropped": [{"file": str, "reason": str}],
    "noted": [{"file": str, "note": str}],
    "models": [
        {
            "model": str,
            "notes": [str],
            "accuracy": [
                {
                    "metric": str,
                    "labels": str,
                    "value": float | None,
                    "low": float | None,
                    "high": float | None,
                    "chance": float | None,
                    "n": int,
                }
            ],
            "representation": [
                {
                    "space": str,
                    "metric": str,
                    "value": float | None,
                    "low": float | None,
                    "high": float | None,
                    "chance": float | None,
                    "n": int,
                    "note": str,
                }
            ],
            "answers": [
                {
                    "file": str,
                    "attribute": str,
                    "object": str,
                    "answered_attribute": str,
                    "answered_object": str,
                    "right": bool,
                }
            ],
        }
    ],
    "differences": [
        {
            "model": str,
            "against": str,
            "metric": str,
            "value": float,
            "low": float,
            "high": float,
            "n": int,
        }
    ],
    "missing": [{"model": str, "reason": str}],
}


def follows(value, schema, place="file"):
    if isinstance(schema, dict):
        assert list(value) == list(schema), place
        for key, own in schema.items():
            follows(value[key], own, f"{place}.{key}")
    elif isinstance(schema, list):
        assert isinstance(value, list), place
        for item in value:
            follows(item, schema[0], f"{place}[]")
    else:
        assert isinstance(value, schema), f"{place}: {value!r}"
        assert isinstance(value, bool) == (schema is bool), place


def test_the_json_file_follows_its_schema(board, tmp_path):
    _, ranked = board
    write_json(ranked, tmp_path / "new" / "scores.json", Evaluation(), 0)
    read = json.loads((tmp_path / "new" / "scores.json").read_text())
    follows(read, SCHEMA)
    assert [model["model"] for model in read["models"]] == ["good", LONG]
    assert sum(not answer["right"] for answer in read["models"][0]["answers"]) == 2
    assert read["dropped"] == [{"file": "red apple/empty.jpg", "reason": "empty file"}]
    noted = {"file": "rotten apple/0.png", "note": "transparent parts laid on white"}
    assert read["noted"] == [noted]
    alone = as_json(compare(ranked.cards[:1], Evaluation(), 0), Evaluation(), 0)
    follows(alone, SCHEMA)
    assert alone["differences"] == []


def test_the_csv_file_has_a_row_a_score_and_a_difference(board, tmp_path):
    _, ranked = board
    write_csv(ranked, tmp_path / "scores.csv")
    table = pd.read_csv(tmp_path / "scores.csv")
    assert set(table["model"]) == {"good", LONG}
    plain = table[(table["metric"] == "pair_top1") & (table["labels"] == "all")]
    assert plain.set_index("model")["value"].to_dict() == {"good": 0.9, LONG: 0.25}
    (difference,) = table.query("against == @LONG and metric == 'pair_top1'").itertuples()
    assert difference.value == pytest.approx(0.65)
    write_csv(compare(ranked.cards[:1], Evaluation(), 0), tmp_path / "alone.csv")
    assert "against" not in pd.read_csv(tmp_path / "alone.csv")


class Links(HTMLParser):
    """Everything that a page points to, and its texts by element."""

    def __init__(self):
        super().__init__()
        self.links, self.images, self.tags = [], 0, []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        own = dict(attributes)
        self.images += tag == "img"
        for key in ("src", "href", "action", "srcset", "data"):
            if key in own:
                self.links.append(own[key])


def read_page(path):
    parser = Links()
    parser.feed(path.read_text())
    return path.read_text(), parser


def test_the_page_shows_what_was_wrong_and_needs_nothing_else(board, tmp_path):
    read, ranked = board
    alone = compare(ranked.cards[:1], Evaluation(), 0)
    write_page(read, alone, tmp_path / "page.html")
    text, parser = read_page(tmp_path / "page.html")
    assert parser.images == 2
    assert all(link.startswith("data:image/jpeg;base64,") for link in parser.links)
    assert not {"script", "link", "iframe"} & set(parser.tags)
    assert "http" not in text.replace("http-equiv", "")
    assert "url(" not in text
    assert "<h3>red polar bear: 2 of 5</h3>" in text
    assert "red polar bear/0.png" in text
    assert "<li>rotten apple</li>" in text
    assert "1 file dropped, empty file: red apple/empty.jpg" in text
    assert "1 file noted, transparent parts laid on white: rotten apple/0.png" in text


def test_the_page_of_several_says_who_answered_what(board, tmp_path):
    read, ranked = board
    write_page(read, ranked, tmp_path / "page.html")
    text, parser = read_page(tmp_path / "page.html")
    assert parser.images == 15  # the second is right about red apples only
    assert f"<li>{LONG}: red apple</li>" in text
    assert "<li>good: rotten apple</li>" in text
    assert f"good minus {LONG}" in text
    assert "left out: far: no network" in text


def test_a_page_without_mistakes_and_with_odd_names(quick, tmp_path):
    from tests.scorecard.conftest import draw

    odd = "<b>bold</b> & co"
    for colour, word in (("red", "red"), ("rotten", odd.replace("/", "_"))):
        for k, place in enumerate(("apple", "polar bear")):
            draw(tmp_path / "photos" / f"{word}, {place}" / "1.png", colour, place, k)
    read = read_photos(tmp_path / "photos", say=quiet)
    texts = np.eye(4, dtype=np.float32)
    card = score_tensors(
        odd,
        {"images": texts[read.truth], "compositions": texts},
        read.truth,
        read.words,
        read.kept["file"].tolist(),
        read.dropped,
        read.noted,
        settings=Evaluation(),
        seed=0,
    )
    write_page(read, compare([card], Evaluation(), 0), tmp_path / "page.html")
    text, parser = read_page(tmp_path / "page.html")
    assert parser.images == 0
    assert "<p>None.</p>" in text
    assert "b" not in parser.tags
    assert "&lt;b&gt;bold" in text


def test_importing_cood_imports_nothing_slow():
    import subprocess
    import sys

    program = "import sys, cood; print(*(m for m in ('numpy', 'pandas', 'torch', 'cood.scorecard')"
    program += " if m in sys.modules)); assert {'evaluate', 'score'} <= set(dir(cood))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
    with pytest.raises(AttributeError, match="no attribute 'evaluat'"):
        cood.evaluat  # noqa: B018
