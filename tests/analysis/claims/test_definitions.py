from pathlib import Path

import pytest

from cood.analysis.claims.claim_tests import STATISTICS
from cood.analysis.claims.definitions import load_claims

CLAIMS = load_claims()
NOTEBOOKS = Path(__file__).parents[3] / "notebooks"


def test_all_claims_of_the_papers_are_there_once():
    assert [claim.id for claim in CLAIMS] == [f"C{i}" for i in range(1, 16)]
    assert len({claim.title for claim in CLAIMS}) == len(CLAIMS)


def test_each_claim_that_can_be_tested_has_a_statistic():
    assert {claim.id for claim in CLAIMS if not claim.untested} == set(STATISTICS)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
class TestClaim:
    def test_its_words_are_a_title_and_sentences(self, claim):
        assert len(claim.title) < 50
        for text in (claim.statement, claim.rule, *([claim.untested] if claim.untested else [])):
            assert text[0].isupper()
            assert text.endswith(".")
            assert "\n" not in text
        assert claim.source
        assert claim.statistic

    def test_its_notebooks_exist(self, claim):
        assert claim.notebooks
        for name in claim.notebooks:
            assert (NOTEBOOKS / f"{name}.ipynb").is_file()

    def test_its_tests_fit_its_rule(self, claim):
        assert set(claim.tests.values()) <= {"+", "-"}
        assert (not claim.tests) == bool(claim.untested) == (claim.kind == "none")
        assert (len(claim.tests) > 1) == (claim.kind == "every")
        assert claim.sign == next(iter(claim.tests.values()), "")
