"""How often each verdict comes on simulated studies, with effects planted and with none.

Each study is simulated whole: answers, metrics, captions. Its claims are judged as those of a run,
with a certificate for the metrics in which effects are planted.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from unittest import mock

import pandas as pd

from cood.analysis.claims import evidence as evidence_module
from cood.analysis.claims.claim_tests.disentanglement import NAMED
from cood.analysis.claims.evidence import gather_evidence
from cood.analysis.claims.rules import WORDS
from cood.analysis.claims.verdicts import judge
from cood.analysis.results import load_results
from tests.analysis.simulated import NAME, NOTHING, Effects, simulated_study

PLANTED = Effects(
    id={"steps": 0.5},
    cood={"share": 0.6, "images": 0.2, "orthogonality": 0.6},
    link=0.5,
    metrics={
        ("image", "explicitness"): (0.6, 0.4),
        ("image", "dci_informativeness"): (0.6, 0.4),
        ("image", "retrieval_gain"): (0.5, 0.3),
        ("text", "numerical_rank_0.1"): (-0.5, -0.3),
        ("image", "numerical_rank_0.1"): (-0.5, -0.3),
        ("image", "r2"): (0.5, 0.3),
    },
)


def certificate() -> pd.DataFrame:
    """All named metrics certified, in both spaces."""
    rows = [(space, metric, True) for space in ("image", "text") for metric in NAMED]
    return pd.DataFrame(rows, columns=["space", "metric", "certified"])


def verdicts(effects: Effects, models: int, arms: str, studies: int) -> Iterator[dict[str, str]]:
    """Verdict on each claim, a study at a time."""
    for seed in range(studies):
        with (
            tempfile.TemporaryDirectory() as folder,
            chdir(folder),
            mock.patch.object(evidence_module, "load_certificate", return_value=certificate()),
        ):
            simulated_study(Path(folder), models=models, seed=seed, effects=effects, arms=arms)
            found = judge(gather_evidence(load_results(NAME)))
            yield {verdict.claim.id: verdict.verdict for verdict in found}


def rates(effects: Effects, models: int, arms: str, studies: int) -> pd.DataFrame:
    """Share of the studies with each verdict, a row a claim."""
    words = pd.DataFrame(verdicts(effects, models, arms, studies))
    shares = {claim: words[claim].value_counts(normalize=True) for claim in words}
    return pd.DataFrame(shares).T.reindex(columns=list(WORDS)).fillna(0.0)


def main() -> None:
    """Measure and print both tables."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    parser = argparse.ArgumentParser(prog="benchmarks.verdicts", description=__doc__)
    parser.add_argument("--studies", type=int, default=100)
    parser.add_argument("--models", type=int, default=24)
    parser.add_argument("--arms", choices=("mini", "lab"), default="mini")
    chosen = parser.parse_args()
    for name, effects in (("nothing planted", NOTHING), ("effects planted", PLANTED)):
        table = rates(effects, chosen.models, chosen.arms, chosen.studies)
        print(f"{name}: {chosen.studies} studies of {chosen.models} models")
        print(table.loc[:, (table > 0).any()].round(2).to_string(), end="\n\n")


if __name__ == "__main__":
    main()
