import numpy as np
import pytest
from scipy.spatial.distance import cdist

from cood.metrics.dependence import part_dependence
from cood.metrics.nulls import rotate_codes, shuffle_factors

pytestmark = pytest.mark.filterwarnings("ignore::cood.metrics.result.MetricWarning")

GRID = np.array([[a, o] for a in range(6) for o in range(8)])
KERNELS = ["linear", "gaussian"]
each_kernel = pytest.mark.parametrize("kernel", KERNELS)


def alignment(*kernels):
    """Centred alignment of two kernel matrices by its definition, and its mean over permutations.

    The mean is over draws of permutations.
    """
    n = len(kernels[0])
    h = np.eye(n) - 1 / n
    a, b = (h @ kernel @ h for kernel in kernels)
    norms = np.linalg.norm(a) * np.linalg.norm(b)
    rng = np.random.default_rng(0)
    drawn = [np.trace(a @ b[np.ix_(p, p)]) for p in (rng.permutation(n) for _ in range(400))]
    return np.trace(a @ b) / norms, np.mean(drawn) / norms


def reference_part_dependence(codes, factors, kernel):
    """Parts from mean codes of the values, kernels as matrices; for a balanced grid."""
    z = codes - codes.mean(axis=0)
    kernels = []
    for ids in factors.T:
        means = np.stack([z[ids == v].mean(axis=0) for v in np.unique(ids)])
        part = z @ np.linalg.pinv(means) @ means
        distances = cdist(part, part, "sqeuclidean")
        width = np.median(distances[np.triu_indices(len(z), 1)])
        kernels.append(part @ part.T if kernel == "linear" else np.exp(-distances / width))
    return alignment(*kernels)


def codes_of(seed=0, d=24, noise=0.5, each=4):
    rng = np.random.default_rng(seed)
    factors = np.repeat(GRID, each, axis=0)
    attributes, objects = rng.standard_normal((6, d)), rng.standard_normal((8, d))
    z = attributes[factors[:, 0]] + objects[factors[:, 1]]
    return z + noise * rng.standard_normal(z.shape), factors


@each_kernel
@pytest.mark.parametrize("d", [8, 24])
def test_it_is_the_alignment_of_kernels_of_both_parts(kernel, d):
    codes, factors = codes_of(d=d)
    score = part_dependence(codes, factors, kernel=kernel)
    value, chance = reference_part_dependence(codes, factors, kernel)
    assert score.value == pytest.approx(value)
    assert score.parts["chance"] == pytest.approx(chance, rel=0.05)


@each_kernel
def test_parts_in_subspaces_of_their_own_are_at_chance(kernel):
    rng = np.random.default_rng(1)
    codes, factors = codes_of(noise=0.3)
    codes[:, :12] = rng.standard_normal((6, 12))[factors[:, 0]]
    codes[:, 12:] = rng.standard_normal((8, 12))[factors[:, 1]]
    codes += 0.3 * rng.standard_normal(codes.shape)
    score = part_dependence(codes, factors, kernel=kernel)
    assert score.value == pytest.approx(score.parts["chance"], abs=0.02)
    assert score.value < 0.06
    assert score.parts["rank"].tolist() == [5, 7]


@each_kernel
def test_the_same_part_twice_is_1(kernel):
    vectors = np.random.default_rng(2).standard_normal((6, 5))
    factors = np.array([[a, b] for a in range(6) for b in range(6)])
    codes = vectors[factors[:, 0]] + vectors[factors[:, 1]]
    assert part_dependence(codes, factors, kernel=kernel).value == pytest.approx(1)


def test_the_gaussian_kernel_finds_dependence_without_correlation():
    """A part that is the length of the other one: no covariance, but determined by it."""
    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    factors = np.array([[a, o] for a in range(12) for o in range(2)])
    size = 1 + factors[:, 1]
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)[factors[:, 0]] * size[:, None]
    codes = np.column_stack([ring, size])
    linear, gaussian = (part_dependence(codes, factors, kernel=k) for k in KERNELS)
    assert linear.value == pytest.approx(0, abs=1e-12)
    assert gaussian.value > 0.1 > gaussian.parts["chance"]


@each_kernel
def test_rotation_shift_scale_and_order_change_nothing(kernel):
    codes, factors = codes_of()
    value = part_dependence(codes, factors, kernel=kernel).value
    moved = 3 * rotate_codes(codes, np.random.default_rng(0)) + 7
    order = np.random.default_rng(1).permutation(len(codes))
    for z, ids in ((moved, factors), (codes[order], factors[order]), (codes, factors[:, ::-1])):
        assert part_dependence(z, ids, kernel=kernel).value == pytest.approx(value)


def test_under_shuffled_labels_both_parts_are_the_main_directions():
    codes, factors = codes_of(d=64)
    shuffled = shuffle_factors(factors, np.random.default_rng(3))
    assert part_dependence(codes, shuffled).value > 2 * part_dependence(codes, factors).value


def test_few_rows_stand_for_all():
    codes, factors = codes_of(each=20)
    every = part_dependence(codes, factors, kernel="gaussian", rows=len(codes)).value
    some = [part_dependence(codes, factors, kernel="gaussian", rows=400, rng=s) for s in (0, 0, 1)]
    assert some[0].value == some[1].value != some[2].value
    assert some[0].value == pytest.approx(every, abs=0.03)


def test_degenerate_input():
    constant = np.ones((len(GRID), 3))
    assert np.isnan(part_dependence(constant, GRID).value)
    assert np.isnan(part_dependence(constant, GRID, kernel="gaussian").value)
    one = np.column_stack([GRID[:, 0], np.zeros(len(GRID))])
    assert np.isnan(part_dependence(GRID, one).value)
    only = np.eye(6)[GRID[:, 0]]  # nothing of the second factor
    assert np.isnan(part_dependence(only, GRID).value)
    with pytest.raises(ValueError, match="kernel"):
        part_dependence(GRID, GRID, kernel="cubic")
