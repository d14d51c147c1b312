"""The claims, their functions, their pages and the analysis plan fit together."""

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from cood.analysis.claims.claim_tests import STATISTICS
from cood.analysis.claims.definitions import load_claims
from cood.analysis.claims.verdicts import SPREAD_CLAIM, SPREAD_TEST
from cood.analysis.thresholds import CLAIMS, load_thresholds
from cood.errors import CoodError
from cood.report.topics.claims.front import HEADLINE

ROOT = Path(__file__).parents[3]
NOTEBOOKS = ROOT / "notebooks"
# Dashes and minus signs as in the code.
SIGNS = {0x2013: "none", 0x2212: "-"}
PLAN = (ROOT / "book" / "analysis-plan.md").read_text().translate(SIGNS)
FIRST = [f"C{number}" for number in range(1, 16)]  # of the papers, written before any number
BY_ID = {claim.id: claim for claim in load_claims()}
SAMPLE = {
    "title": "a claim",
    "statement": "It claims.",
    "source": "a paper",
    "family": "secondary",
    "contradicted_by": "The opposite holds.",
    "tests": {"a number": {"outcome": "y1", "estimand": "correlation", "expected": {"x": "+"}}},
    "notebooks": ["claims"],
}


def registered_table(claims):
    """A row a registered test, with the columns of the table of the analysis plan."""
    rows = []
    for claim in claims:
        family = claim.family
        if claim.primary_from_treatments:
            family = (
                f"primary with {_number(claim.primary_from_treatments)} treatments or more, "
                f"else {family}"
            )
        rows += [
            {
                "claim": claim.id if row is claim.registered[0] else "",
                "tests": row.about,
                "outcome": row.outcome,
                "estimand": row.estimand,
                "nuisance": row.nuisance,
                "expected": ", ".join(row.expected.values()),
                "family": family,
            }
            for row in claim.registered
        ]
    return pd.DataFrame(rows)


def _number(n):
    return {2: "two", 3: "three", 4: "four"}.get(n, str(n))


def registered_page():
    """The table of the analysis plan, which was registered before the reference run."""
    lines = [line for line in PLAN.splitlines() if line.startswith("|")]
    start = next(i for i, line in enumerate(lines) if line.startswith("| claim | tests |"))
    rows = []
    for line in lines[start + 2 :]:
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) != 7:
            break
        rows.append(cells)
    columns = ["claim", "tests", "outcome", "estimand", "nuisance", "expected", "family"]
    return pd.DataFrame(rows, columns=columns)


def test_the_claims_are_those_of_the_analysis_plan():
    page = registered_page()
    page["expected"] = page["expected"].replace("above 0", "+")
    here = registered_table([c for c in BY_ID.values() if c.id in page["claim"].to_numpy()])
    assert len(page) > len(FIRST)
    for registered, coded in zip(page.to_dict("records"), here.to_dict("records"), strict=True):
        assert coded == registered


def test_the_thresholds_are_those_of_the_analysis_plan():
    limits, certificate = load_thresholds(), yaml.safe_load(CLAIMS.read_text())["certificate"]
    for text in (
        f"The level is {limits.level} for each family",
        f"lies within -{limits.equivalence} and {limits.equivalence} by two one-sided tests",
        f"the same value of the measure, within {limits.saturated_tolerance},",
        f"| at least {certificate['reliability']} |",
        f"| more than {certificate['null_distance']} |",
        f"| at least {certificate['ladder']} |",
    ):
        assert text in PLAN
    assert limits.saturated_share == 0.9
    assert "at least nine of ten models" in PLAN


def test_each_claim_that_is_tested_has_a_function_and_each_function_a_claim():
    without = set(BY_ID) - set(STATISTICS)
    assert not without, f"add a function for {without} to STATISTICS in claims/claim_tests"
    extra = set(STATISTICS) - set(BY_ID)
    assert not extra, f"add {extra} to claims.yaml with its tests, or remove it from STATISTICS"


def test_each_claim_that_is_tested_has_a_test_with_a_known_answer():
    this = Path(__file__)
    text = "".join(file.read_text() for file in this.parent.glob("test_*.py") if file != this)
    without = [name for name in STATISTICS if not re.search(rf"\b{name}\b", text)]
    assert not without, f"tests/analysis/claims: no test computes {without}"


@pytest.mark.parametrize("page", ["book/analysis-plan.md", "CHANGELOG.md"])
def test_each_claim_that_was_added_later_is_listed(page):
    text = (ROOT / page).read_text()
    later = [name for name in BY_ID if name not in FIRST]
    missing = [name for name in later if not re.search(rf"\b{name}\b", text)]
    assert not missing, f"{page}: list {missing}, with the date at which they were added"


def test_names_and_titles_are_unique():
    assert len({claim.title for claim in BY_ID.values()}) == len(BY_ID), "two claims share a title"
    # A key that is given twice in YAML would replace the first claim without a word.
    written = re.findall(r"^  ([CU]\d+):$", CLAIMS.read_text(), re.MULTILINE)
    assert written == list(BY_ID), "claims.yaml gives one claim twice"


def test_the_claims_that_the_code_names_exist():
    assert SPREAD_TEST in BY_ID[SPREAD_CLAIM].tests, "SPREAD_TEST in claims/verdicts.py"
    assert set(HEADLINE) <= set(BY_ID), "HEADLINE in report/topics/claims/sentences.py"


def test_a_claim_is_primary_with_enough_treatments_only():
    claim = BY_ID["C15"]
    assert [claim.family_with(n) for n in (0, 1, 2, 3)] == ["secondary"] * 2 + ["primary"] * 2
    assert BY_ID["C7"].family_with(0) == "primary"
    assert BY_ID["C6"].family_with(5) == "secondary"


@pytest.mark.parametrize("claim", BY_ID.values(), ids=lambda claim: claim.id)
class TestClaim:
    def test_it_has_a_short_title_and_whole_sentences(self, claim):
        assert len(claim.title) < 50, "the tables of the report have room for 49 characters"
        for text in (claim.statement, claim.contradicted_by):
            assert text[0].isupper(), text
            assert text.endswith("."), text
            assert "\n" not in text, text
        assert claim.source

    def test_its_notebooks_exist(self, claim):
        assert claim.notebooks, "`notebooks` of the claim is empty"
        for name in claim.notebooks:
            page = NOTEBOOKS / f"{name}.ipynb"
            assert page.is_file(), f"`notebooks` of the claim names {name}; {page} does not exist"


def write(tmp_path, claim=None, thresholds=None):
    file = tmp_path / "claims.yaml"
    limits = yaml.safe_load(CLAIMS.read_text())["thresholds"] | (thresholds or {})
    content = {"thresholds": limits, "claims": {"C1": SAMPLE | (claim or {})}}
    file.write_text(yaml.safe_dump(content))
    return file


def test_a_file_of_claims_is_read(tmp_path):
    (claim,) = load_claims(write(tmp_path))
    assert (claim.id, claim.family, claim.tests) == ("C1", "secondary", {"x": "+"})
    assert claim.notebooks == ("claims",)
    assert claim.registered[0].nuisance == "none"


def changed(**parts):
    return {"tests": {"a number": SAMPLE["tests"]["a number"] | parts}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"family": "primry"}, r"claims.yaml: claim C1: unknown family 'primry'; did you mean"),
        ({"tests": {}}, "claim C1: `tests` is empty; register at least one"),
        (changed(expected={"x": "up"}), "test 'a number': 'x' expects 'up'; give"),
        (changed(outcom="y1"), "test 'a number': unknown key 'outcom'; did you mean outcome"),
        ({"tests": {"a": {"estimand": "x"}}}, "claim C1: test 'a': missing expected"),
        ({"tilte": "x"}, "claim C1: unknown key 'tilte'; did you mean title"),
        (
            {"tests": dict.fromkeys("ab", SAMPLE["tests"]["a number"])},
            "claim C1: two statistics have one name, of x, x",
        ),
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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"levl": 0.05}, "claims.yaml: unknown threshold 'levl'; did you mean level"),
        ({"level": 0}, "claims.yaml: threshold level is 0; give a number above 0"),
        ({"equivalence": "high"}, "threshold equivalence is 'high'"),
    ],
)
def test_a_threshold_that_is_wrong_is_refused(tmp_path, changes, message):
    with pytest.raises(CoodError, match=message):
        load_thresholds(write(tmp_path, thresholds=changes))


def test_a_missing_threshold_is_named(tmp_path):
    file = write(tmp_path)
    content = yaml.safe_load(file.read_text())
    del content["thresholds"]["equivalence"]
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(CoodError, match="`thresholds` lacks equivalence"):
        load_thresholds(file)
