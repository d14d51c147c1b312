"""Outcomes of models from counts of answers: known answers, references, and extremes."""

import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.special import expit

from cood.analysis.answer_counts import load_answer_counts
from cood.analysis.outcomes import (
    binomial,
    crossed_outcomes,
    empirical_logit,
    fit_outcomes,
    outcomes,
    study_counts,
)
from cood.analysis.outcomes.binomial import fit_binomial, leave_column_out
from cood.errors import CoodError, StudyError
from cood.files import write_table
from cood.vocabulary import Vocabulary


def draw(rng, models=12, compositions=60, n=8, *, spread=1.0):
    """Counts of models with known log odds (a row a model: `id` and `cood`), some in the core."""
    truth = pd.DataFrame(
        {"id": rng.normal(1.2, 0.8, models), "cood": rng.normal(-0.4, 0.8, models)},
        index=[f"m{i:02d}" for i in range(models)],
    )
    share = rng.uniform(0.25, 0.75, models)
    seen = rng.random((models, compositions)) < share[:, None]
    core = np.arange(compositions) % 10 == 0
    seen[:, core] = False
    logits = np.where(seen, truth["id"].to_numpy()[:, None], truth["cood"].to_numpy()[:, None])
    hard = rng.normal(0, spread, compositions)
    right = rng.binomial(n, expit(logits + hard))
    model, composition = np.indices(seen.shape)
    counts = {"model": truth.index.to_numpy()[model.ravel()], "composition": composition.ravel()}
    counts |= {"seen": seen.ravel(), "core": core[composition.ravel()], "n": n}
    return pd.DataFrame(counts).assign(pair=right.ravel()), truth


def wide(counts):
    """Right answers and answers, a row a model and kind, without the core; and the names."""
    outside = counts[~counts["core"]]
    tables = [
        outside.pivot(index=["seen", "model"], columns="composition", values=name).fillna(0)
        for name in ("pair", "n")
    ]
    return *(table.to_numpy(float) for table in tables), tables[0].index


def test_empirical_logits_are_finite():
    values = empirical_logit(np.array([0, 4, 8, 0]), np.array([8, 8, 8, 0]))
    assert values[:3] == pytest.approx([np.log(0.5 / 8.5), 0, np.log(8.5 / 0.5)])
    assert np.isnan(values[3])


def test_known_log_odds_are_recovered_without_bias_and_with_nominal_coverage():
    rng, errors, covered = np.random.default_rng(1), [], []
    for _ in range(40):
        counts, truth = draw(rng)
        table = fit_outcomes(counts)
        truth["gap"] = truth["cood"] - truth["id"]
        for name in ("id", "cood", "gap"):
            error = table[name] - truth[name]
            errors.append((name, error.mean()))
            covered.append((name, (error.abs() < 1.96 * table[f"{name}_error"]).mean()))
    means = pd.DataFrame(errors).groupby(0)[1].agg(["mean", "sem"])
    assert (means["mean"].abs() < 3 * means["sem"]).all(), means
    coverage = pd.DataFrame(covered).groupby(0)[1].mean()
    assert coverage.between(0.92, 0.98).all(), coverage


def test_a_model_on_hard_compositions_is_not_worse():
    # All models are the same on seen and on unseen compositions; one saw nearly all hard ones.
    rng, k, n = np.random.default_rng(14), 40, 2000
    hard = np.where(np.arange(k) < k // 2, -1.0, 1.0)
    seen = rng.random((9, k)) < 0.5
    seen[0] = hard < 0
    seen[0, [0, 1, 30, 31]] ^= True
    right = np.tile(np.round(n * expit(hard)).astype(int), len(seen))
    table = pd.DataFrame({"pair": right, "seen": seen.ravel(), "n": n, "core": False})
    table = table.assign(model=np.repeat(np.arange(9), k), composition=np.tile(np.arange(k), 9))
    fitted = fit_outcomes(table)
    assert fitted[["id", "cood", "gap"]].to_numpy() == pytest.approx(0, abs=0.02)
    sums = table.groupby(["model", "seen"])[["pair", "n"]].sum()
    plain = empirical_logit(sums["pair"], sums["n"])
    assert plain[0] == pytest.approx(0.77, abs=0.1)  # unseen, mostly easy
    assert plain[1] == pytest.approx(-0.77, abs=0.1)


def test_it_agrees_with_a_generalised_linear_model_where_penalties_are_small():
    counts, _ = draw(np.random.default_rng(2), models=4, compositions=12, n=4000, spread=0.3)
    right, total, _ = wide(counts)
    fit = fit_binomial(right, total)
    rows, columns = np.nonzero(total)
    design = np.zeros((len(rows), sum(right.shape)))
    design[np.arange(len(rows)), rows] = 1
    design[np.arange(len(rows)), right.shape[0] + columns] = 1
    design = np.delete(design, right.shape[0], axis=1)  # the first column has effect 0 in it
    k, n = right[rows, columns], total[rows, columns]
    glm = sm.GLM(np.column_stack([k, n - k]), design, family=sm.families.Binomial()).fit()
    mine = fit.rows + fit.columns[0]
    assert mine == pytest.approx(glm.params[: len(mine)], abs=0.01)
    assert fit.columns[1:] - fit.columns[0] == pytest.approx(glm.params[len(mine) :], abs=0.01)


def test_the_solution_is_a_maximum_of_the_penalised_likelihood():
    counts, _ = draw(np.random.default_rng(3), models=3, compositions=10, n=3)
    right, total, _ = wide(counts)
    fit = fit_binomial(right, total)
    best = np.concatenate([fit.rows, fit.columns])

    def objective(theta):
        """The same, with the information of the rows as a determinant."""
        rows, columns = np.split(theta, [len(fit.rows)])
        p = expit(rows[:, None] + columns)
        information = np.diag((total * p * (1 - p)).sum(axis=1))
        likelihood = (right * np.log(p) + (total - right) * np.log(1 - p)).sum()
        return likelihood + np.linalg.slogdet(information)[1] / 2 - (columns**2).sum() / 2

    step = 1e-4
    steps = step * np.eye(len(best))
    slopes = [(objective(best + e) - objective(best - e)) / (2 * step) for e in steps]
    assert slopes == pytest.approx(np.zeros(len(best)), abs=1e-5)
    others = best + np.random.default_rng(4).normal(0, 0.3, (50, len(best)))
    assert objective(best) > max(map(objective, others))


@pytest.mark.parametrize("k", [0, 1, 5, 12])
def test_in_columns_without_effects_it_counts_half_an_answer_more(k):
    right = np.array([[k / 4] * 4, [3 - k / 4] * 4])
    fit = fit_binomial(right, np.full((2, 4), 3.0))
    assert fit.columns == pytest.approx(np.zeros(4), abs=1e-6)
    assert fit.rows[0] == pytest.approx(np.log((k + 0.5) / (12 - k + 0.5)))


def test_zero_and_full_marks_are_finite_and_in_order():
    counts, _ = draw(np.random.default_rng(5), models=6)
    seen, unseen = counts["seen"], ~counts["seen"] & ~counts["core"]
    counts.loc[(counts["model"] == "m00") & unseen, "pair"] = 0
    counts.loc[(counts["model"] == "m01") & seen, "pair"] = 8
    counts.loc[counts["model"] == "m02", "pair"] = 0
    counts.loc[counts["model"] == "m03", "pair"] = 8
    table = fit_outcomes(counts)
    assert np.isfinite(table[["id", "cood", "gap"]]).all(axis=None)
    assert table["cood"].idxmax() == "m03"
    assert set(table["cood"].nsmallest(2).index) == {"m00", "m02"}
    assert table["id"].nlargest(2).index.isin(["m01", "m03"]).all()
    assert table["id"].idxmin() == "m02"
    assert table["id"].abs().max() < 12
    # Each composition that is left out leaves these marks as they are: no error can be told.
    unknown = table.isna()
    assert unknown.loc["m00"].to_dict() == {
        "id": False,
        "id_error": False,
        "cood": False,
        "cood_error": True,
        "gap": False,
        "gap_error": True,
    }
    assert unknown.loc["m03", ["id_error", "cood_error", "gap_error"]].all()
    assert not unknown.loc[["m04", "m05"]].any(axis=None)


def test_a_model_that_has_seen_all_but_a_few():
    rng = np.random.default_rng(6)
    counts, _ = draw(rng, models=8)
    free = counts["composition"][~counts["core"]].unique()
    last = (counts["model"] == "m07") & ~counts["core"]
    counts.loc[last, "seen"] = ~counts.loc[last, "composition"].isin(free[:3])
    table = fit_outcomes(counts)
    assert table.loc["m07", "cood_error"] > 2 * table.loc["m00", "cood_error"]
    # With one unseen composition there is nothing to leave out, and with none no gap at all.
    others = table.drop("m07")
    for few in (free[:1], []):
        counts.loc[last, "seen"] = ~counts.loc[last, "composition"].isin(few)
        table = fit_outcomes(counts)
        assert table.loc["m07"].isna().all()
        assert table.drop("m07")["gap"].corr(others["gap"]) > 0.99


def test_the_one_step_jackknife_agrees_with_refits():
    counts, _ = draw(np.random.default_rng(7), models=4, compositions=60)
    right, total, _ = wide(counts)
    fit = fit_binomial(right, total)
    moves = leave_column_out(fit)
    refits = np.array(
        [
            fit_binomial(np.delete(right, k, axis=1), np.delete(total, k, axis=1)).rows - fit.rows
            for k in range(right.shape[1])
        ]
    )
    assert moves.shape == refits.shape
    assert np.corrcoef(moves.ravel(), refits.ravel())[0, 1] > 0.999
    ratio = np.sqrt((moves**2).sum(axis=0) / (refits**2).sum(axis=0))
    assert ratio == pytest.approx(1, abs=0.01)


def test_the_order_of_rows_does_not_matter():
    counts, _ = draw(np.random.default_rng(8), models=5)
    table = fit_outcomes(counts)
    mixed = fit_outcomes(counts.sample(frac=1, random_state=0))
    pd.testing.assert_frame_equal(mixed.loc[table.index], table, atol=1e-6)
    named = fit_outcomes(counts.assign(composition=500 - counts["composition"]))
    pd.testing.assert_frame_equal(named, table, atol=1e-6)


def test_the_core_does_not_matter():
    counts, _ = draw(np.random.default_rng(9), models=5)
    table = fit_outcomes(counts)
    changed = counts.assign(pair=counts["pair"].where(~counts["core"], 0))
    pd.testing.assert_frame_equal(fit_outcomes(changed), table)


def test_many_models_take_seconds():
    counts, truth = draw(np.random.default_rng(10), models=200, compositions=396)
    start = time.perf_counter()
    table = fit_outcomes(counts)
    assert time.perf_counter() - start < 30  # about one second on an idle core
    assert table["gap"].corr(truth["cood"] - truth["id"]) > 0.98


def test_counts_of_two_sets_are_refused():
    counts, _ = draw(np.random.default_rng(11), models=2)
    with pytest.raises(StudyError, match=r"model m00 has several rows for composition 0; pass the"):
        fit_outcomes(pd.concat([counts, counts]))


def test_no_convergence_names_the_model(monkeypatch):
    monkeypatch.setattr(binomial, "MOST_STEPS", 1)
    counts, _ = draw(np.random.default_rng(12), models=3)
    counts.loc[counts["model"] == "m01", "pair"] = 0
    with pytest.raises(CoodError, match=r"the fit does not converge; model m0\d still moves by"):
        fit_outcomes(counts)


def test_halves_share_no_composition_and_balance_the_words():
    words = Vocabulary(tuple("abcdef"), tuple("uvwxyz"))
    counts, _ = draw(np.random.default_rng(13), models=4, compositions=words.size)
    ids = np.arange(words.size)
    first = (words.attribute_of(ids) + words.object_of(ids)) % 2 == 0
    assert {first[words.attribute_of(ids) == a].mean() for a in range(6)} == {0.5}
    assert {first[words.object_of(ids) == o].mean() for o in range(6)} == {0.5}
    halves = crossed_outcomes(counts, words)
    alone = fit_outcomes(counts[first[counts["composition"]]])
    pd.testing.assert_frame_equal(halves[0], alone)
    # What is in the other half does not matter.
    changed = counts.assign(pair=np.where(first[counts["composition"]], counts["pair"], 0))
    pd.testing.assert_frame_equal(crossed_outcomes(changed, words)[0], halves[0])
    assert not np.allclose(halves[0]["id"], halves[1]["id"])


def test_outcomes_of_a_study_with_draws(simulate):
    results = simulate(models=24, seed=2)
    table = outcomes(results)
    assert list(table.index) == results.models["model"].tolist()
    counts = study_counts(results)
    pd.testing.assert_frame_equal(
        table[["id", "cood_error"]], fit_outcomes(counts)[["id", "cood_error"]]
    )
    core = counts[counts["core"] & (counts["model"] == "m003")]
    k, n = core["pair"].sum(), core["n"].sum()
    assert table.loc["m003", "core"] == pytest.approx(np.log((k + 0.5) / (n - k + 0.5)))
    for name in ("id", "cood"):
        assert table[f"{name}_empirical"].corr(table[name]) > 0.98
    some = outcomes(replace(results, models=results.models.iloc[:15]))
    assert len(some) == 15
    assert some["gap"].corr(table["gap"].iloc[:15]) > 0.99


def published(results, folder, counts):
    """The same results as a reference run in a folder that holds only these counts."""
    folder.mkdir()
    write_table(counts, folder / "answers.parquet")
    return replace(results, reference=folder)


def test_outcomes_of_a_reference_run_are_those_of_the_run(simulate, tmp_path):
    results = simulate(models=24, replicates=3)
    counts = load_answer_counts(results.study)
    # Null models and repetitions of a point of the design are in the table and are no models.
    assert {"untrained-clip", "m001-replicate"} <= set(counts["model"])
    assert set(study_counts(results)["model"]) == set(results.models["model"])
    table = outcomes(results)
    again = outcomes(published(results, tmp_path / "reference", counts))
    pd.testing.assert_frame_equal(again, table)
    without = counts[~counts["model"].str.contains("replicate|untrained")]
    alone = outcomes(published(results, tmp_path / "fewer", without))
    pd.testing.assert_frame_equal(alone, table)


def test_without_draws_there_is_an_empirical_logit_of_all_compositions(simulate, tmp_path):
    results = simulate(models=24)
    counts = load_answer_counts(results.study).assign(seen=False)
    missing = counts["model"] == "m002"
    table = outcomes(published(results, tmp_path / "reference", counts[~missing]))
    assert list(table) == ["cood"]
    assert table.index.tolist() == results.models["model"].tolist()
    assert table["cood"].isna().to_numpy().nonzero()[0].tolist() == [1]
    here = counts[counts["model"] == "m001"]
    k, n = here["pair"].sum(), here["n"].sum()
    assert table.loc["m001", "cood"] == pytest.approx(np.log((k + 0.5) / (n - k + 0.5)))


def test_only_the_selected_set_counts(simulate, tmp_path):
    results = simulate(models=24)
    counts = load_answer_counts(results.study)
    other = counts.assign(set="photos", pair=0)
    both = published(results, tmp_path / "both", pd.concat([counts, other], ignore_index=True))
    pd.testing.assert_frame_equal(outcomes(both), outcomes(results))
