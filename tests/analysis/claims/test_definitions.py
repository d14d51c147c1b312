"""The claims, their functions, their rules and their pages fit together."""

import re
from pathlib import Path

import pytest
import yaml

from cood.analysis.claims.claim_tests import STATISTICS
from cood.analysis.claims.definitions import CLAIMS, load_claims
from cood.analysis.claims.rules import NO_TEST, RULES
from cood.analysis.claims.verdicts import SPREAD_CLAIM, SPREAD_TEST
from cood.errors import CoodError
from cood.report.topics.claims import HEADLINE

ROOT = Path(__file__).parents[3]
NOTEBOOKS = ROOT / "notebooks"
FIRST = [f"C{number}" for number in range(1, 16)]  # written before any number was computed
BY_ID = {claim.id: claim for claim in load_claims()}
SAMPLE = {
    "title": "a claim",
    "statement": "It claims.",
    "source": "a paper",
    "statistic": "a number",
    "tests": {"a number": "+"},
    "rule": "single",
    "notebooks": ["claims"],
}


def test_each_claim_that_is_tested_has_a_function_and_each_function_a_claim():
    tested = {claim.id for claim in BY_ID.values() if claim.rule != NO_TEST}
    without = tested - set(STATISTICS)
    assert not without, f"add a function for {without} to STATISTICS in claims/claim_tests"
    extra = set(STATISTICS) - tested
    assert not extra, f"add {extra} to claims.yaml with its tests, or remove it from STATISTICS"


def test_each_claim_that_is_tested_has_a_test_with_a_known_answer():
    this = Path(__file__)
    text = "".join(file.read_text() for file in this.parent.glob("test_*.py") if file != this)
    without = [name for name in STATISTICS if not re.search(rf"\b{name}\b", text)]
    assert not without, f"tests/analysis/claims: no test computes {without}"


@pytest.mark.parametrize("page", ["book/method.md", "CHANGELOG.md"])
def test_each_claim_that_was_added_later_is_listed(page):
    text = (ROOT / page).read_text()
    later = [name for name in BY_ID if name not in FIRST]
    missing = [name for name in later if not re.search(rf"\b{name}\b", text)]
    assert not missing, f"{page}: list {missing}, with the date at which they were added"


def test_each_rule_decides_a_claim():
    unused = set(RULES) - {claim.rule for claim in BY_ID.values()}
    assert not unused, f"no claim of claims.yaml has the rules {unused} of claims/rules.py"


def test_names_and_titles_are_unique():
    assert len({claim.title for claim in BY_ID.values()}) == len(BY_ID), "two claims share a title"
    # A key that is given twice in YAML would replace the first claim without a word.
    written = re.findall(r"^  (C\d+):$", CLAIMS.read_text(), re.MULTILINE)
    assert written == list(BY_ID), "claims.yaml gives one claim twice"


def test_the_claims_that_the_code_names_exist():
    assert SPREAD_TEST in BY_ID[SPREAD_CLAIM].tests, "SPREAD_TEST in claims/verdicts.py"
    assert HEADLINE in BY_ID, "HEADLINE in report/topics/claims.py"


@pytest.mark.parametrize("claim", BY_ID.values(), ids=lambda claim: claim.id)
class TestClaim:
    def test_it_has_a_short_title_and_whole_sentences(self, claim):
        assert len(claim.title) < 50, "the tables of the report have room for 49 characters"
        sentences = (claim.statement, claim.rule_text, claim.untested or "None.")
        for text in sentences:
            assert text[0].isupper(), text
            assert text.endswith("."), text
            assert "\n" not in text, text
        assert claim.source
        assert claim.statistic

    def test_its_notebooks_exist(self, claim):
        assert claim.notebooks, "`notebooks` of the claim is empty"
        for name in claim.notebooks:
            page = NOTEBOOKS / f"{name}.ipynb"
            assert page.is_file(), f"`notebooks` of the claim names {name}; {page} does not exist"


def write(tmp_path, claim=None, rules=None):
    texts = dict.fromkeys([*RULES, NO_TEST], "A rule.")
    file = tmp_path / "claims.yaml"
    content = {"rules": texts if rules is None else rules, "claims": {"C1": SAMPLE | (claim or {})}}
    file.write_text(yaml.safe_dump(content))
    return file


def test_a_file_of_claims_is_read(tmp_path):
    (claim,) = load_claims(write(tmp_path))
    assert (claim.id, claim.rule, claim.rule_text) == ("C1", "single", "A rule.")
    assert claim.notebooks == ("claims",)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rule": "singel"}, r"claims.yaml: claim C1: unknown rule 'singel'; did you mean single"),
        ({"rule": "joint"}, "claim C1: it has 1 tests; the rule joint takes at least 2"),
        ({"tests": {"a": "+", "b": "-"}}, "claim C1: it has 2 tests; the rule single takes 1"),
        ({"tests": {"a": "up"}}, "claim C1: test 'a' expects 'up'; give"),
        ({"rule": "none"}, "claim C1: the rule none takes no test, and a reason in `untested`"),
        ({"untested": "No data."}, "claim C1: `untested` gives a reason, but its rule is single"),
        ({"tilte": "x"}, "claim C1: unknown key 'tilte'; did you mean title"),
    ],
)
def test_a_claim_that_is_wrong_is_refused(tmp_path, changes, message):
    with pytest.raises(CoodError, match=message):
        load_claims(write(tmp_path, changes))


def test_a_claim_that_lacks_a_key_is_refused(tmp_path):
    file = write(tmp_path)
    content = yaml.safe_load(file.read_text())
    del content["claims"]["C1"]["source"]
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(CoodError, match="claim C1: missing source"):
        load_claims(file)


def test_every_rule_has_a_text_and_every_text_a_rule(tmp_path):
    with pytest.raises(CoodError, match="`rules` describes single, but"):
        load_claims(write(tmp_path, rules={"single": "A rule."}))
