import numpy as np
import pandas as pd
import pytest

from cood.analysis.certificate import ladder_scores
from cood.analysis.certificate.ladder import ladder_codes
from cood.analysis.certificate.ladder_scores import (
    CERTIFIABLE,
    FALLING,
    FEWER,
    KEYS,
    RUNGS,
    Ladder,
    score_ladder,
)
from cood.analysis.results import Results
from cood.evaluation.common.nearest import normalise
from cood.evaluation.representation.geometry import FACTORISATION
from cood.metrics.dci import dci
from cood.metrics.rank import DEFINITIONS, effective_rank

SIZE = (5, 6, 4)


@pytest.fixture(scope="module")
def ladder():
    return score_ladder(*SIZE, metrics=["dci", "mig"], seeds=(3,), width=16)


def made_up(**values):
    """A ladder of images with these values by rung, the same for two seeds."""
    rows = [
        {"space": "image", "metric": name, "seed": seed, "rung": rung, "value": value}
        for name, column in values.items()
        for seed in (0, 1)
        for rung, value in enumerate(column)
    ]
    return Ladder(pd.DataFrame(rows), pd.DataFrame(columns=["change", "seed", *KEYS, "value"]))


def test_every_metric_of_a_study_is_scored_on_every_rung(ladder):
    counts = ladder.rungs.groupby(["space", "metric"]).size()
    assert (counts == RUNGS).all()
    by_factor_only = {"factor_dimension", "word_cosine"}
    expected = {
        "dci_disentanglement",
        "dci_completeness",
        "dci_informativeness",
        "mig",
        *DEFINITIONS,
        *(set(FACTORISATION) - by_factor_only),
    }
    for space in ("image", "text"):
        assert set(counts[space].index) == expected
    assert expected <= set(CERTIFIABLE)
    assert set(FALLING) <= set(CERTIFIABLE)


def test_values_are_those_of_the_metric_on_unit_codes(ladder):
    top = ladder_codes(RUNGS, *SIZE, width=16, seed=3)[-1]
    rows = ladder.rungs[ladder.rungs["rung"] == RUNGS - 1].set_index(KEYS)["value"]
    images = top.tensors["images"]
    assert rows["image", "effective_rank"] == pytest.approx(
        effective_rank(images, relative=True).value, rel=1e-4
    )
    texts = normalise(top.tensors["compositions"])
    factors = np.stack(np.divmod(np.arange(30), 6), axis=1)
    assert rows["text", "dci_disentanglement"] == pytest.approx(
        dci(texts, factors, rng=3).value, abs=0.02
    )


def test_linear_factorisation_climbs(ladder):
    climbs = ladder.climbs()
    for space in ("image", "text"):
        assert climbs[space, "r2"] > 0.95
        assert climbs[space, "effective_rank"] > 0.9  # which falls, as it should
    assert ladder.ceiling()["text", "r2"] > 0.95


def test_rotation_changes_what_depends_on_axes_only(ladder):
    changes = ladder.changes()
    assert changes.loc[("image", "r2"), "rotated"] == pytest.approx(
        changes.loc[("image", "r2"), "middle"], rel=1e-4
    )
    for metric in ("dci_disentanglement", "dci_completeness"):
        assert changes.loc[("image", metric), "rotated"] < changes.loc[("image", metric), "middle"]
    assert changes.loc["text", FEWER].isna().all()
    assert changes.drop(columns=FEWER).notna().all(axis=None)


def test_spearman_with_the_rung():
    rungs = np.arange(5.0)
    nan = [0, 1, np.nan, 3, 4]
    ladder = made_up(mig=rungs**3, sap=-rungs, orthogonality=-rungs, irs=rungs * 0 + 1, dcimig=nan)
    climbs = ladder.climbs()["image"]
    assert climbs[["mig", "sap", "orthogonality"]].tolist() == pytest.approx([1, -1, 1])
    assert climbs[["irs", "dcimig"]].isna().all()
    assert ladder.ceiling()["image", "mig"] == 64


def test_a_metric_that_saturates_early_climbs_less():
    climbs = made_up(mig=[0, 1, 1, 1, 1], sap=[0, 1, 2, 3, 3]).climbs()["image"]
    assert climbs["mig"] < 0.9 < climbs["sap"]


def test_the_grid_is_that_of_the_study_within_limits(parse, monkeypatch):
    asked = []
    monkeypatch.setattr(ladder_scores, "score_ladder", lambda *a, **k: asked.append((a, k)))
    for images, expected in ((20 * 3, 3), (20 * 50, 8), (7, 1), (np.nan, 1)):
        rows = [{"metric": "r2", "codes": "images", "space": "image", "set": "ao", "n": images}]
        scores = pd.DataFrame(rows).assign(model="m", unit_rows=True, value=0.5)
        ladder_scores.ladder_of(Results(parse(), scores, pd.DataFrame({"model": ["m"]})))
        assert asked[-1] == ((4, 5, expected), {"metrics": ["mig", "explicitness"]})
