"""The claims of the papers, each with the test and the rule that were fixed before the numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from cood.analysis.claims.rules import NO_TEST, RULES
from cood.errors import CoodError, unknown

CLAIMS = Path(__file__).with_name("claims.yaml")
REQUIRED = ("title", "statement", "source", "statistic", "tests", "rule", "notebooks")
OPTIONAL = ("untested",)
SIGNS = ("+", "-")


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
    rule, rule_text
        Name of the rule that decides (`cood.analysis.claims.rules.RULES`), or ``none``; and the
        rule in words.
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
    rule: str
    rule_text: str
    notebooks: tuple[str, ...]
    untested: str = ""


@lru_cache
def load_claims(file: Path = CLAIMS) -> tuple[Claim, ...]:
    """All claims of a file such as `claims.yaml`, in order.

    Raises
    ------
    CoodError
        If a claim lacks a key or has an unknown one, names an unknown rule, or has a number of
        tests that its rule does not take; or if a rule has no text, or a text no rule.
    """
    content = yaml.safe_load(file.read_text())
    texts = content["rules"]
    if set(texts) != {*RULES, NO_TEST}:
        raise CoodError(
            f"{file.name}: `rules` describes {', '.join(texts)}, but cood.analysis.claims.rules "
            f"has {', '.join([*RULES, NO_TEST])}; describe each of them"
        )
    return tuple(
        _claim(f"{file.name}: claim {name}", name, entry, texts)
        for name, entry in content["claims"].items()
    )


def _claim(where: str, name: str, entry: dict[str, Any], texts: Mapping[str, str]) -> Claim:
    for key in entry:
        if key not in (*REQUIRED, *OPTIONAL):
            raise CoodError(f"{where}: {unknown('key', key, [*REQUIRED, *OPTIONAL])}")
    missing = [key for key in REQUIRED if key not in entry]
    if missing:
        raise CoodError(f"{where}: missing {', '.join(missing)}")
    _check_tests(where, entry["rule"], entry["tests"], entry.get("untested", ""))
    entry = entry | {"notebooks": tuple(entry["notebooks"]), "rule_text": texts[entry["rule"]]}
    return Claim(id=name, **entry)


def _check_tests(where: str, rule: str, tests: Mapping[str, str], untested: str) -> None:
    if rule == NO_TEST:
        if tests or not untested:
            raise CoodError(
                f"{where}: the rule {NO_TEST} takes no test, and a reason in `untested`"
            )
        return
    if rule not in RULES:
        raise CoodError(f"{where}: {unknown('rule', rule, [*RULES, NO_TEST])}")
    if untested:
        raise CoodError(f"{where}: `untested` gives a reason, but its rule is {rule}")
    fewest, most = RULES[rule].fewest, RULES[rule].most
    if len(tests) < fewest or (most is not None and len(tests) > most):
        number = f"{fewest}" if fewest == most else f"at least {fewest}"
        raise CoodError(f"{where}: it has {len(tests)} tests; the rule {rule} takes {number}")
    for test, sign in tests.items():
        if sign not in SIGNS:
            raise CoodError(f"{where}: test {test!r} expects {sign!r}; give + or -, in quotes")
