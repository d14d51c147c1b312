import pytest

from cood.analysis.claims.evidence import gather_evidence
from cood.analysis.claims.verdicts import judge
from cood.analysis.results import load_results
from cood.report.topics.claims import describe_claims
from tests.analysis.simulated import simulated_study


@pytest.fixture
def evidence(project):
    return gather_evidence(load_results(simulated_study(project).name))


def test_a_page_has_the_numbers_of_the_page_of_claims(evidence):
    verdicts = {verdict.claim.id: verdict for verdict in judge(evidence)}
    effects = verdicts["C9"].effects
    text = describe_claims(evidence, "C9")
    assert text.startswith("The tests of claim C9 (n = 24 models): soft rank of text")
    for name, effect in effects.items():
        assert f"{name}, correlation {effect.estimate}, p = {effect.estimate.p:.3f}" in text


def test_claims_that_lack_the_same_are_named_together(evidence):
    text = describe_claims(evidence, "C7", "C9", "C6", "C11")
    assert "The tests of claim C9" in text
    assert "Claims C7 and C6 cannot be tested in this study. No metric has a certificate" in text
    assert text.endswith("Claim C11 cannot be tested in this study. The study has no factor sets.")
    assert "`" not in text  # glued text is shown as it is
