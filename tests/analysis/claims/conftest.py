"""A simulated study with planted effects, and what its claims are tested with."""

import pandas as pd
import pytest

from cood.analysis.claims import evidence as evidence_module
from cood.analysis.claims.claim_tests.disentanglement import NAMED
from cood.analysis.claims.evidence import gather_evidence
from cood.analysis.results import load_results
from tests.analysis.simulated import Effects, simulated_study

CERTIFIED = [name for name in NAMED if name != "dcimig"]
PLANTED = Effects(
    cood={"share": 0.8},
    metrics={
        ("image", "explicitness"): (0.8, 0.5),
        ("image", "dci_informativeness"): (0.8, 0.5),
        ("image", "r2"): (-0.7, -0.4),
    },
)


def certificate():
    """A certificate that all named metrics have but one."""
    rows = [
        {"space": space, "metric": metric, "certified": metric in CERTIFIED}
        for space in ("image", "text")
        for metric in NAMED
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="session")
def made_planted(tmp_path_factory):
    """A project with a simulated study of 30 models with planted effects: to read only."""
    root = tmp_path_factory.mktemp("planted")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        simulated_study(root, models=30, seed=4, effects=PLANTED)
    return root


@pytest.fixture(scope="session")
def evidence(made_planted):
    """Evidence of that study, with a certificate."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made_planted)
        patch.setattr(evidence_module, "load_certificate", lambda study: certificate())
        return gather_evidence(load_results("simulated"))
