"""Review sheets: an HTML file for each rater, with questions about a sample of a set."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import pandas as pd

from cood.errors import CoodError
from cood.files import atomic, read_table
from cood.settings import Verification
from cood.settings.study_file import Study
from cood.synthesis.image_files import load_image
from cood.synthesis.manifests import KEPT
from cood.vocabulary import category_of, fill

DECOYS = 0.2  # share of the images whose question has a wrong word
LARGEST = 384  # pixels a side of an image in a sheet
REVIEWING = 0x5EE7  # seed of the samples, apart from other draws of the study
QUESTIONS = ("object", "attribute")


def plan(study: Study, name: str, sample: int) -> pd.DataFrame:
    """What all raters are asked: a row an image of the sample.

    The sample is drawn from the images that can be used, before any verification, so that images
    that the verifier drops are reviewed too. Every fifth is a decoy: the word that `decoy` names is
    wrong.

    Returns
    -------
    DataFrame
        Columns `image`, `object` and `attribute` as asked, and `decoy` (``object``,
        ``attribute`` or empty).

    Raises
    ------
    CoodError
        If the set has no image that can be used.
    """
    study.set(name)
    if sample < 1:
        raise CoodError(f"sample: at least one image is needed, got {sample}")
    table = read_table(study.paths.manifest(name))
    kept = table[table["status"] == KEPT].reset_index(drop=True)
    if kept.empty:
        raise CoodError(f"set {name!r} has no image that can be reviewed")
    own = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4])
    rng = np.random.default_rng([study.seed, REVIEWING, own])
    chosen = rng.permutation(len(kept))[:sample]
    rows = kept.loc[chosen, ["image", "object", "attribute"]].reset_index(drop=True)
    rows["decoy"] = ""
    for k, place in enumerate(rng.permutation(len(rows))[: round(DECOYS * len(rows))]):
        about = QUESTIONS[k % 2]
        others = _others(study, about, str(rows.loc[place, about]))
        if others:
            rows.loc[place, about] = others[rng.integers(len(others))]
            rows.loc[place, "decoy"] = about
    return rows


def write_sheet(study: Study, name: str, sample: int, rater: str) -> Path:
    """Write the sheet of one rater, a file that needs neither network nor server; return its path.

    All raters see the same images, in different orders. The sheet holds neither the answers of
    the verifier, nor which questions are decoys, nor the names of the files.

    Raises
    ------
    CoodError
        If the rater has no plain name, or the set cannot be sampled.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", rater):
        raise CoodError(
            f"rater {rater!r}: a name may hold letters, digits, dots, dashes and underscores only"
        )
    rows = plan(study, name, sample)
    folder = study.paths.manifest(name).parent
    rng = np.random.default_rng([study.seed, *hashlib.sha256(rater.encode()).digest()])
    asks = questions(study, name)
    items: list[dict[str, Any]] = []
    for place in rng.permutation(len(rows)):
        row = rows.loc[place]
        asked = [[about, fill(asks[about], **row[list(QUESTIONS)])] for about in QUESTIONS]
        order = rng.permutation(2)
        picture = _picture(folder, row["image"])
        items.append(
            {"item": int(place), "picture": picture, "questions": [asked[k] for k in order]}
        )
    head = {"study": study.name, "set": name, "rater": rater, "sample": sample}
    data = json.dumps({**head, "plan": mark(rows, asks), "items": items})
    for character in "<>&\u2028\u2029":  # nothing in it can end the script element
        data = data.replace(character, f"\\u{ord(character):04x}")
    page = Template((files(__package__) / "sheet.html").read_text(encoding="utf-8"))
    title = escape(f"Review of {name}, study {study.name}, by {rater}")
    path = study.paths.sheet(name, rater)
    with atomic(path) as temporary:
        temporary.write_text(page.substitute(title=title, data=data), encoding="utf-8")
    return path


def questions(study: Study, name: str) -> dict[str, str]:
    """What raters are asked: the questions of the verifier, without the instruction to answer."""
    fields = Verification.model_fields
    own = study.verification if study.table(name) != study.paths.manifest(name) else None
    return {
        about: str(getattr(own, key) if own else fields[key].default).removesuffix(
            " Answer yes or no."
        )
        for about in QUESTIONS
        for key in [f"{about}_question"]
    }


def mark(rows: pd.DataFrame, asks: dict[str, str]) -> str:
    """Short hash of a plan and its questions, to check that answers belong to it."""
    text = rows.to_csv(index=False) + json.dumps(asks)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _others(study: Study, about: str, word: str) -> list[str]:
    """Words that are wrong for certain: of attributes, those of another category."""
    if about == "object":
        return [other for other in study.vocabulary.objects if other != word]
    own = category_of(word)
    return [other for other in study.vocabulary.attributes if category_of(other) != own]


def _picture(folder: Path, image: str) -> str:
    picture = load_image(folder, image)
    picture.thumbnail((LARGEST, LARGEST))
    buffer = io.BytesIO()
    picture.save(buffer, format="jpeg", quality=92)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
