"""What the papers claim, each with the test and the rule that were set before the numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

CLAIMS = Path(__file__).with_name("claims.yaml")


@dataclass(frozen=True)
class Claim:
    """One claim of the papers.

    Attributes
    ----------
    id, title, statement, source
        Such as ``C9``; a few words; one sentence; the paper and where in it.
    statistic
        What is computed, in words.
    tests
        Sign (``+`` or ``-``) that the claim expects of each statistic, by name; empty where
        there is none.
    kind, rule
        Name of the rule by which the tests make a verdict, and the rule itself.
    notebooks
        Those that bear on it; the first is its main page.
    untested
        Why it has no test; empty where it has one.
    """

    id: str
    title: str
    statement: str
    source: str
    statistic: str
    tests: Mapping[str, str]
    kind: str
    rule: str
    notebooks: tuple[str, ...]
    untested: str = ""

    @property
    def sign(self) -> str:
        """Expected sign of the first statistic, ``+`` or ``-``; empty where there is none."""
        return next(iter(self.tests.values()), "")


@lru_cache
def load_claims() -> tuple[Claim, ...]:
    """All claims of `claims.yaml`, in order."""
    written = yaml.safe_load(CLAIMS.read_text())
    rules = written["rules"]
    claims = []
    for name, known in written["claims"].items():
        kind = known.pop("rule")
        about = {"kind": kind, "rule": rules[kind], "notebooks": tuple(known.pop("notebooks"))}
        claims.append(Claim(id=name, **about, **known))
    return tuple(claims)
