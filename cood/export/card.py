"""The data card of an export: a README with a head that the Hugging Face hub reads."""

from __future__ import annotations

import html
import re
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from cood.report.topics.dataset import icon_designs, image_outcomes
from cood.settings import DiffusionSet, IconSet, ImageSet
from cood.settings.study_file import Study
from cood.synthesis.manifests import KEPT
from cood.synthesis.notes import note_counts
from cood.vocabulary import SYNONYMS, category_of

PROSE = Path(__file__).with_suffix(".yaml")
SIZES = {1_000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K", 1_000_000: "100K<n<1M"}


def card(study: Study, name: str, table: pd.DataFrame, format_: str) -> str:
    """Card of a set in a format, as Markdown with a head in YAML.

    Parameters
    ----------
    study, name
        The study and one of its sets.
    table
        The whole manifest of the set, with the rows that were not kept.
    format_
        ``release``, ``parquet`` or ``webdataset``.
    """
    settings, prose = study.set(name), _prose()
    kept = table[table["status"] == KEPT]
    pairs, possible = kept["composition"].nunique(), study.words.size
    numbers = {
        "images": len(kept),
        "pairs": pairs,
        "possible pairs": possible,
        "attributes": kept["attribute"].nunique(),
        "objects": kept["object"].nunique(),
    }
    sections = {
        "Files": prose["layout"][format_].replace("{columns}", prose["columns"]),
        "How it was made": _making(settings, kept),
        "Filters": "All images that were planned or listed, by the reason why they were left out. "
        "This export holds those that were kept.\n\n" + _table(image_outcomes(table)),
        **_notes(kept),
        "Known faults": _faults(study, settings, possible - pairs),
        "Licence": _licence(study, settings),
        "Citation": prose["citation"],
        "Images by category": _counted(kept["attribute"].map(category_of), "category"),
        "Images by attribute": _counted(kept["attribute"], "attribute"),
        "Images by object": _counted(kept["object"], "object"),
    }
    title = f"{study.name}: {name}"
    about = f"{prose['about']} Set `{name}` of the study `{study.name}`, made with `cood`."
    top = f"# {_plain(title)}\n\n{about}\n\n{_table(pd.DataFrame([numbers]))}\n"
    body = [f"## {heading}\n\n{text}\n" for heading, text in sections.items()]
    licence = _licence_name(settings)
    head = {
        "pretty_name": title,
        "language": ["en"],
        **({"license": "other", "license_name": licence} if licence else {"license": "unknown"}),
        "task_categories": ["zero-shot-image-classification"],
        "tags": ["compositional-generalization", "synthetic", "imagenet-ao"],
        "size_categories": [next((s for n, s in SIZES.items() if len(kept) < n), "1M<n<10M")],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": "test", "path": prose["read"][format_]}],
            }
        ],
    }
    front = yaml.safe_dump(head, sort_keys=False, allow_unicode=True)
    return f"---\n{front}---\n\n" + "\n".join([top, *body])


def _notes(kept: pd.DataFrame) -> dict[str, str]:
    """What was noted of images, as a section with a row a kind; only imported images have notes."""
    counted = note_counts(kept["note"]) if "note" in kept else pd.Series(dtype=int)
    if counted.empty:
        return {}
    table = counted.rename_axis("note").reset_index(name="images")
    return {"Notes": f"{_prose()['notes']}\n\n{_table(table)}"}


@cache
def _prose() -> dict[str, Any]:
    return yaml.safe_load(PROSE.read_text(encoding="utf-8"))


def _making(settings: ImageSet, kept: pd.DataFrame) -> str:
    lines = [f"Generator: {_listed(sorted(kept['generator'].unique()))}."]
    if isinstance(settings, DiffusionSet):
        checker = settings.no_safety_checker
        lines += [
            f"Revision: {_plain(settings.revision or 'the newest when it was made')}.",
            f"Steps: {settings.steps}; guidance: {settings.guidance:g}; spacing of timesteps: "
            f"{settings.spacing or 'of the pipeline'}; precision: {settings.precision} "
            "(float32 on a CPU).",
            f"Prompts, where {{}} is the pair: {_listed(settings.prompts)}.",
            f"Safety checker: {f'off: {_plain(checker)}' if checker else 'as in the pipeline'}.",
        ]
    else:
        lines.append(_prose()["made"][settings.source])
        lines += [] if isinstance(settings, IconSet) else [_prose()["rules"]]
    if isinstance(settings, IconSet | DiffusionSet):
        lines.append(f"Size: {settings.size} x {settings.size} pixels.")
    return _items(lines)


def _faults(study: Study, settings: ImageSet, missing: int) -> str:
    lines = list(_prose()["faults"][settings.source])
    own = set(study.vocabulary.attributes)
    close = [[a for a in group if a in own] for group in SYNONYMS]
    named = "; ".join(", ".join(group) for group in close if len(group) > 1)
    if named:
        lines.append(
            f"Some attributes look alike, so that more than the label may be correct: {named}."
        )
    if missing:
        lines.append(f"{missing:,} of {study.words.size:,} possible pairs have no image.")
    return _items(lines)


def _licence_name(settings: ImageSet) -> str | None:
    if isinstance(settings, IconSet):
        return "icon-designs"
    model = settings.model if isinstance(settings, DiffusionSet) else ""
    own = " ".join((settings.licence or "").split())
    return own or _prose()["licences"].get(model)


def _licence(study: Study, settings: ImageSet) -> str:
    if isinstance(settings, IconSet):
        return f"{_prose()['credit']}\n\n{_table(icon_designs(study))}"
    licence = _licence_name(settings)
    if licence is None:
        return _prose()["unstated"]
    what = "generator" if isinstance(settings, DiffusionSet) else "images"
    return f"Licence of the {what}: {_plain(licence)}."


def _counted(values: pd.Series, title: str) -> str:
    counted = values.value_counts().rename_axis(title).reset_index(name="images")
    return _table(counted.sort_values(["images", title], ascending=[False, True]))


def _table(table: pd.DataFrame) -> str:
    rows = [list(table.columns), ["---"] * table.shape[1]]
    for row in table.itertuples(index=False):
        rows.append([f"{v:,}" if isinstance(v, int) else _plain(v) for v in row])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _items(lines: list[str]) -> str:
    return "\n".join("- " + " ".join(line.split()) for line in lines)


def _listed(texts: list[str]) -> str:
    return ", ".join(map(_plain, texts))


def _plain(value: object) -> str:
    r"""Text with escapes, so that nothing in it is HTML, a link, or the end of a cell.

    Examples
    --------
    >>> print(_plain("a|b <i> [x](y)"))
    a\|b &lt;i&gt; \[x\]\(y\)
    """
    text = html.escape(" ".join(str(value).split()), quote=False)
    return re.sub(r"([\\`*_\[\]()|~$#!])", r"\\\1", text)
