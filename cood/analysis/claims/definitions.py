"""The claims of the papers, each with the tests that were fixed before the numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from cood.analysis.thresholds import CLAIMS
from cood.errors import CoodError, unknown
from cood.settings import PENALTIES, PLACEBO

PRIMARY, SECONDARY, APART = "primary", "secondary", "apart"
FAMILIES = (PRIMARY, SECONDARY, APART)
REQUIRED = ("title", "statement", "source", "family", "contradicted_by", "tests", "notebooks")
OPTIONAL = ("primary_from_treatments",)
OF_A_TEST = ("outcome", "estimand", "nuisance", "expected")
SIGNS = ("+", "-")
NONE = "none"


@dataclass(frozen=True)
class Registered:
    """What is registered of one or several statistics of a claim.

    Attributes
    ----------
    about
        What is tested, in words.
    outcome, estimand, nuisance
        What it is set against, what is estimated, and what is held fixed; `NONE` for nothing.
    expected
        Sign (``+`` or ``-``) that the claim expects of each statistic, by name.
    """

    about: str
    estimand: str
    expected: Mapping[str, str]
    outcome: str = NONE
    nuisance: str = NONE


@dataclass(frozen=True)
class Claim:
    """One claim of the papers.

    Attributes
    ----------
    id, title, statement, source
        Such as ``C9``; a few words; one sentence; the paper and where in it.
    family
        One of `FAMILIES`: the claims among which its p is corrected.
    contradicted_by
        What would have contradicted it, as a sentence.
    registered
        The tests as registered.
    notebooks
        Those that bear on it; the first is its main page.
    primary_from_treatments
        From this number of treatments on the claim is primary; 0 for never.
    """

    id: str
    title: str
    statement: str
    source: str
    family: str
    contradicted_by: str
    registered: tuple[Registered, ...]
    notebooks: tuple[str, ...]
    primary_from_treatments: int = 0

    @property
    def tests(self) -> dict[str, str]:
        """Sign that the claim expects of each statistic, by name."""
        return {name: sign for row in self.registered for name, sign in row.expected.items()}

    def family_with(self, treatments: int) -> str:
        """The family of the claim in a study with this number of treatments."""
        least = self.primary_from_treatments
        return PRIMARY if 0 < least <= treatments else self.family


def count_treatments(arms: Iterable[str]) -> int:
    """How many treatments have models with them and models with their placebo.

    Examples
    --------
    >>> count_treatments(["none", "additivity", "additivity_placebo", "orthogonality"])
    1
    """
    present = set(arms)
    return sum({name, f"{name}{PLACEBO}"} <= present for name in PENALTIES)


def family_sizes(treatments: int) -> dict[str, int]:
    """How many claims are corrected together, in a study that can test all of them.

    `treatments` is their number in the study, which decides where some claims belong.
    """
    families = [claim.family_with(treatments) for claim in load_claims()]
    return {family: families.count(family) for family in (PRIMARY, SECONDARY)}


@lru_cache
def load_claims(file: Path = CLAIMS) -> tuple[Claim, ...]:
    """All claims of a file such as `claims.yaml`, in order.

    Raises
    ------
    CoodError
        If a claim or a test lacks a key or has an unknown one, a family is unknown, or a sign is
        neither + nor -.
    """
    content = yaml.safe_load(file.read_text())["claims"]
    return tuple(
        _claim(f"{file.name}: claim {name}", name, entry) for name, entry in content.items()
    )


def _claim(where: str, name: str, entry: dict[str, Any]) -> Claim:
    _check_keys(where, entry, REQUIRED, OPTIONAL)
    if entry["family"] not in FAMILIES:
        raise CoodError(f"{where}: {unknown('family', entry['family'], FAMILIES)}")
    tests = entry.pop("tests")
    if not tests:
        raise CoodError(f"{where}: `tests` is empty; register at least one")
    rows = tuple(
        _registered(f"{where}: test {about!r}", about, test) for about, test in tests.items()
    )
    names = [name for row in rows for name in row.expected]
    if len(set(names)) < len(names):
        raise CoodError(f"{where}: two statistics have one name, of {', '.join(names)}")
    entry = entry | {"notebooks": tuple(entry["notebooks"])}
    return Claim(id=name, registered=rows, **entry)


def _registered(where: str, about: str, test: dict[str, Any]) -> Registered:
    _check_keys(where, test, ("estimand", "expected"), OF_A_TEST)
    for name, sign in test["expected"].items():
        if sign not in SIGNS:
            raise CoodError(f"{where}: {name!r} expects {sign!r}; give + or -, in quotes")
    return Registered(about=about, **test)


def _check_keys(
    where: str, entry: Mapping[str, Any], required: Sequence[str], optional: Sequence[str]
) -> None:
    for key in entry:
        if key not in (*required, *optional):
            raise CoodError(f"{where}: {unknown('key', key, [*required, *optional])}")
    missing = [key for key in required if key not in entry]
    if missing:
        raise CoodError(f"{where}: missing {', '.join(missing)}")
