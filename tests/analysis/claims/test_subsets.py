import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from cood.analysis.claims.definitions import load_claims
from cood.analysis.claims.draws import correlations, statistic_of_draws
from cood.analysis.claims.reference_run import agreement, agreement_text
from cood.analysis.claims.statistics import (
    CORRELATION,
    CROSSED,
    MEAN,
    MEDIAN,
    PARTIAL,
    SPREAD,
    Statistic,
    compute,
)
from cood.analysis.claims.subsets import judge_again, verdict_frequencies, within_ranges
from cood.analysis.claims.tables import model_numbers, verdict_table
from cood.analysis.claims.verdicts import judge
from cood.analysis.reference import read_claim_numbers, read_claims
from cood.analysis.stats import permutation
from cood.analysis.stats.power import power
from cood.errors import ArtefactError


@pytest.fixture(scope="module")
def saved(made_planted, evidence, tmp_path_factory):
    """Verdicts of a simulated study, and its two tables as they are read from files."""
    folder = tmp_path_factory.mktemp("saved")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made_planted)
        verdicts = judge(evidence)
    verdict_table(verdicts).to_csv(folder / "claims.csv", index=False)
    model_numbers(verdicts, evidence.design).to_csv(folder / "claims-models.csv", index=False)
    table = read_claims(folder / "claims.csv")
    return verdicts, table, read_claim_numbers(folder / "claims-models.csv")


def test_all_models_give_the_same_verdicts_again(saved, evidence):
    verdicts, table, numbers = saved
    again = judge_again(table, numbers, seed=evidence.results.study.seed)
    for one, other in zip(verdicts, again, strict=True):
        assert (one.claim.id, one.verdict) == (other.claim.id, other.verdict)
        if one.claim.id != "C1":  # whose p is by resamples of the compositions
            assert one.p == pytest.approx(other.p, nan_ok=True)
            assert one.holm == pytest.approx(other.holm, nan_ok=True)


def test_some_of_the_models_give_their_own(saved):
    _, table, numbers = saved
    again = {v.claim.id: v for v in judge_again(table, numbers.iloc[:12], seed=0)}
    (effect,) = again["U2"].effects.values()
    x, y = effect.statistic.x[0], effect.statistic.y[0]
    expected = np.corrcoef(numbers[x].iloc[:12], numbers[y].iloc[:12])[0, 1]
    assert effect.estimate.value == pytest.approx(expected)
    assert effect.estimate.n == 12
    few = {v.claim.id: v for v in judge_again(table, numbers.iloc[:5], seed=0)}
    assert few["C3"].verdict == "not testable here"
    assert few["C3"].why == "The statistic cannot be computed from 5 models."


def test_draws_of_all_models_always_give_one_verdict(saved):
    verdicts, table, numbers = saved
    found = verdict_frequencies(table, numbers, draws=3, models=len(numbers), seed=0)
    assert set(found.index) == {v.claim.id for v in verdicts if v.effects}
    assert (found.max(axis=1) == 1).all()
    # p is parametric here, so only what is far from the level is the same.
    clear = [v for v in verdicts if v.effects and not 0.01 < v.holm < 0.2]
    assert len(clear) > 8
    for verdict in clear:
        assert found.loc[verdict.claim.id, verdict.verdict] == 1, verdict.claim.id


def test_fewer_models_decide_less_often(saved):
    _, table, numbers = saved
    found = verdict_frequencies(table, numbers, draws=40, models=10, seed=1)
    assert found.sum(axis=1).to_numpy() == pytest.approx(1)
    assert 0 < found.loc["C7", "supported"] < 1
    assert found.loc["C8", "saturated"] == 1
    # With seven nuisance columns, ten models leave no degree of freedom.
    assert found.loc["C3", "not testable here"] == 1
    same = verdict_frequencies(table, numbers, draws=40, models=10, seed=1)
    pd.testing.assert_frame_equal(found, same)


def numbers_of(n, seed=0):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.normal(size=(n, 7)), columns=list("abcdefg"))
    table["e"] = np.abs(table["e"]) / 10
    return table.assign(b=table["a"] + table["b"], family=[f"m{i}" for i in range(n)])


@pytest.mark.parametrize(
    "statistic",
    [
        Statistic(CORRELATION, ("a",), ("b",)),
        Statistic(PARTIAL, ("a",), ("b",), ("c", "d")),
        Statistic(CROSSED, ("a", "c"), ("b", "d")),
        Statistic(MEAN, ("b",)),
        Statistic(MEDIAN, ("b", "e")),
        Statistic(SPREAD, ("b", "e")),
    ],
    ids=lambda s: s.kind,
)
def test_a_draw_has_the_statistic_of_its_models(statistic):
    table = numbers_of(40)
    table.loc[3, "b"] = np.nan
    chosen = np.argsort(np.random.default_rng(1).random((6, 40)), axis=1)[:, :20]
    sample = statistic_of_draws(statistic, table, chosen, "y1")
    for draw, rows in enumerate(chosen):
        exact, quick = compute(statistic, table.iloc[rows], 0), sample.at(draw)
        assert quick.value == pytest.approx(exact.value)
        assert quick.n == exact.n
        if statistic.kind in (CORRELATION, PARTIAL):
            assert quick.p == pytest.approx(t_test(table.iloc[rows], statistic))
        elif statistic.kind != CROSSED:
            assert quick.p == pytest.approx(exact.p)


def t_test(table, statistic):
    """p of a coefficient in a regression."""
    table = table.dropna()
    fit = sm.OLS(table["b"], sm.add_constant(table[["a", *statistic.nuisance]])).fit()
    return float(fit.pvalues["a"])


def test_partial_correlations_are_those_of_residuals():
    rng = np.random.default_rng(3)
    x, y, z, w = rng.normal(size=(4, 1, 15))
    columns = np.column_stack([np.ones(15), z[0], w[0]])
    rest = [v[0] - columns @ np.linalg.lstsq(columns, v[0], rcond=None)[0] for v in (x, y)]
    # A column twice, or a constant one, holds nothing more fixed.
    found, rank = correlations(x, y, [z, w, z, np.ones((1, 15))], np.ones((1, 15)))
    assert found[0] == pytest.approx(stats.pearsonr(*rest).statistic)
    assert rank[0] == 2
    determined, _ = correlations(z, y, [z], np.ones((1, 15)))
    assert np.isnan(determined[0])


def test_only_models_within_the_ranges_and_arms_are_kept():
    other = pd.DataFrame({"share": np.linspace(0, 1, 11), "orthogonality": [0, 1] * 5 + [0]})
    numbers = pd.DataFrame(
        {
            "share": [-0.2, -0.05, 0.5, 0.5, 1.2],
            "orthogonality": [0.0, 1, 0, 1, 0],
            "additivity": [0.0, 0, 1, 0, 0],
            "embed_dim": [5.0, 6, 7, 8, 5],
        },
        index=list("abcde"),
    )
    assert list(within_ranges(numbers, other).index) == ["b", "d"]


def test_verdicts_agree_or_not():
    one = {"C1": "supported", "C2": "undecided", "C3": "supported", "C4": "not testable here"}
    other = {"C1": "supported", "C2": "contradicted", "C3": "contradicted", "U1": "supported"}
    found = agreement(one, other)
    assert found == {
        "agree": ["C1"],
        "contradict": ["C3"],
        "differ": ["C2"],
        "in one only": ["U1"],
    }
    assert agreement_text(found) == (
        "The verdicts agree on C1; contradict each other on C3; differ on C2; are from one "
        "run only for U1."
    )


def test_a_damaged_table_of_models_is_named(tmp_path):
    file = tmp_path / "claims-models.csv"
    with pytest.raises(ArtefactError, match=r"claims-models.csv is missing or damaged"):
        read_claim_numbers(file)
    file.write_text("x,y\n1,2\n")
    with pytest.raises(ArtefactError, match=r"claims-models.csv is missing or damaged"):
        read_claim_numbers(file)


TRIES = 40


def tried(saved, monkeypatch, draw):
    """Verdicts on the claims with outcomes that are drawn anew, by claim, a row a try."""
    _, table, numbers = saved
    monkeypatch.setattr(permutation, "PERMUTATIONS", 499)
    permutation.orders.cache_clear()
    rng, rows = np.random.default_rng(5), []
    for _ in range(TRIES):
        again = judge_again(table, numbers.assign(**draw(numbers, rng)), seed=0)
        rows.append({verdict.claim.id: verdict.verdict for verdict in again})
    permutation.orders.cache_clear()
    return pd.DataFrame(rows)


OUTCOMES = ["cood", "gap", "id, half 1", "id, half 2", "cood, half 1", "cood, half 2"]


def test_without_effects_claims_are_decided_at_most_at_the_nominal_rate(saved, monkeypatch):
    def draw(numbers, rng):
        return {name: rng.normal(size=len(numbers)) for name in OUTCOMES}

    words = tried(saved, monkeypatch, draw)
    families = {claim.id: claim.family for claim in load_claims()}
    decided = words.isin(["supported", "contradicted"])
    for family in ("primary", "secondary"):
        own = [name for name in words if families[name] == family]
        assert len(own) > 3
        # At most one try in twenty, or as many as chance allows with a probability of 0.1 %.
        assert decided[own].any(axis=1).sum() <= stats.binom.ppf(0.999, TRIES, 0.05)


def test_planted_effects_are_supported_about_as_often_as_the_power_says(saved, monkeypatch):
    size, x = 0.62, "mean rank of image metrics"

    def draw(numbers, rng):
        z = (numbers[x] - numbers[x].mean()) / numbers[x].std(ddof=0)
        noise = np.sqrt(1 - size**2) * rng.normal(size=(len(OUTCOMES), len(numbers)))
        return dict(zip(OUTCOMES, size * z.to_numpy() + noise, strict=True))

    words = tried(saved, monkeypatch, draw)
    supported = (words["C7"] == "supported").sum()
    # Both outcomes must be significant at a level between the first and the last step of Holm.
    lowest, highest = (power(size, 30, 0, level) ** 2 for level in (0.05 / 4, 0.05))
    assert stats.binom.ppf(0.001, TRIES, lowest - 0.1) <= supported
    assert supported <= stats.binom.ppf(0.999, TRIES, highest)
    assert (words["C7"] != "contradicted").all()
