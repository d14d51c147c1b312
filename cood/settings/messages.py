"""Errors of pydantic as sentences, each with its place in the study file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, get_args

from pydantic import Discriminator

from cood.errors import shortened, unknown
from cood.settings.sets import SOURCES
from cood.settings.study import Study

LISTED = 3  # places that a message lists


def sentences(errors: Sequence[Any]) -> str:
    """Errors of pydantic as `place: message`; places with the same message are listed together."""
    places: dict[str, list[str]] = {}
    for error in errors:
        place, message = _sentence(error)
        places.setdefault(message, []).append(place)
    return "; ".join(f"{_listed(where)}{message}" for message, where in places.items())


def _listed(places: Sequence[str]) -> str:
    shown = [place for place in dict.fromkeys(places) if place]
    more = f" and {len(shown) - LISTED} more" if len(shown) > LISTED else ""
    return f"{', '.join(shown[:LISTED])}{more}: " if shown else ""


def _sentence(error: Any) -> tuple[str, str]:
    """Place and message of an error of pydantic, with the value if that helps."""
    place = ".".join(_place(error["loc"]))
    message, kind = error["msg"].removeprefix("Value error, "), error["type"]
    if kind == "union_tag_invalid":
        return f"{place}.source", unknown("source", str(error["ctx"]["tag"]), SOURCES)
    if kind == "union_tag_not_found":
        return f"{place}.source", f"missing; known: {', '.join(SOURCES)}"
    if kind == "literal_error" and isinstance(error["input"], str):
        choices = re.findall(r"'([^']*)'", error["ctx"]["expected"])
        return place, unknown("value", error["input"], choices)
    if kind == "missing":
        return place, "missing"
    if kind == "value_error":
        return place, message
    if kind == "string_pattern_mismatch":
        message = "a name may hold letters, digits, dots, dashes and underscores only"
    if kind == "string_type" and not isinstance(error["input"], (str, list, dict)):
        message = (
            "expected text; put it in quotes, as YAML reads words such as no and 1e3 otherwise"
        )
    return place, f"{message}, got {shortened(error['input'])}"


def _place(location: tuple[Any, ...]) -> list[str]:
    """Keys of the file that lead to an error.

    Where the entries of a section are of several kinds, pydantic names the kind after the entry.
    """
    parts = [str(part) for part in location]
    return [*parts[:2], *parts[3:]] if parts and parts[0] in KINDS else parts


def _of_several_kinds(annotation: Any) -> bool:
    entries = get_args(annotation)[-1:]  # of a dict
    return any(isinstance(note, Discriminator) for entry in entries for note in get_args(entry))


KINDS = {name for name, field in Study.model_fields.items() if _of_several_kinds(field.annotation)}
