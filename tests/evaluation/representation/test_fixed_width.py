import numpy as np
import pytest
from scipy import linalg

from cood.evaluation.representation.fixed_width import FACTORISED, PCA, RANDOM, fixed_width

RNG = np.random.default_rng(0)
FACTORS = np.array([[a, o] for a in range(5) for o in range(6)] * 4)
VECTORS = [RNG.standard_normal((size, 40)) for size in (5, 6)]
SUMS = VECTORS[0][FACTORS[:, 0]] + VECTORS[1][FACTORS[:, 1]]
SUMS /= np.linalg.norm(SUMS, axis=1, keepdims=True)


def values(codes, width):
    tables = fixed_width(codes, FACTORS, width, ["explicitness"], seed=3)
    found = {}
    for table in tables:
        assert (table["width"] == width).all()
        found[table["projection"].iloc[0]] = table.set_index("metric")["value"]
    return found


def test_what_holds_at_any_width_stays():
    found = values(SUMS, 12)
    assert list(found) == [PCA, RANDOM]
    for one in found.values():
        assert set(FACTORISED) < set(one.index)
        assert one["r2"] > 0.9  # sums, but for their scaling to unit length
        assert one["r2_held_out"] > 0.8
        assert one["explicitness"] == pytest.approx(1, abs=0.05)


def test_the_principal_components_hold_what_varies_most():
    # Nine dimensions hold all sums of 5 and 6 vectors; noise lies in the others.
    z = np.hstack([np.eye(5)[FACTORS[:, 0]], np.eye(6)[FACTORS[:, 1]]])
    noisy = np.hstack([z, 0.1 * np.random.default_rng(1).standard_normal((len(z), 200))])
    found = values(noisy, 9)
    assert found[PCA]["r2"] > 0.9 > found[RANDOM]["r2"]


def test_codes_that_are_no_wider_are_turned_only():
    found = values(SUMS, 40)
    whole = values(SUMS @ linalg.qr(RNG.standard_normal((40, 40)))[0], 500)
    for metric in ("r2", "r2_held_out", "numerical_rank_0.1", "stable_rank"):
        assert found[RANDOM][metric] == pytest.approx(whole[PCA][metric])
