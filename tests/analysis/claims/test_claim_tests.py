"""Each claim has a test with a known answer, by another way to compute it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from cood.analysis.claims.claim_tests import STATISTICS
from cood.analysis.claims.claim_tests.accuracy import above_the_line
from cood.analysis.claims.claim_tests.guessing import one_word
from cood.analysis.claims.claim_tests.training import first_and_last
from cood.analysis.claims.evidence import Evidence, Untestable
from cood.analysis.in_distribution import InDistribution
from cood.analysis.results import Results, pick
from cood.analysis.topics.diversity import caption_table
from cood.metrics import SCORES
from tests.analysis.claims.conftest import CERTIFIED


@pytest.fixture(autouse=True)
def _in_the_project(made_planted, monkeypatch):
    monkeypatch.chdir(made_planted)


def partial(y, column, others):
    """Partial correlation from the t of a regression coefficient."""
    columns = sm.add_constant(pd.concat([column, others], axis=1).to_numpy())
    fit = sm.OLS(y.to_numpy(), columns).fit()
    return fit.tvalues[1] / np.sqrt(fit.tvalues[1] ** 2 + fit.df_resid)


def correlation(x, y):
    return np.corrcoef(x, y)[0, 1]


class TestC1:
    counts = pd.DataFrame(
        {
            "model": np.repeat(["a", "b"], 4),
            "composition": [0, 1, 2, 3] * 2,
            "seen": [False, False, False, True] * 2,
            "n": 10,
            "pair": [4, 5, 6, 10, 1, 2, 0, 9],
            "attribute_alone": [6, 6, 9, 10, 2, 2, 2, 10],
            "object_alone": [8, 8, 8, 10, 9, 9, 9, 10],
        }
    )

    def test_the_guess_is_the_better_one_of_one_word_on_unseen_compositions(self):
        names, found = one_word(self.counts, (3, 5), seed=0, resamples=400)
        assert names == ["a", "b"]
        assert found.accuracy == pytest.approx([0.5, 0.1])
        # 70 % of attributes among 5 objects, and 80 % of objects among 3 attributes; the latter.
        assert found.guess == pytest.approx([0.8 / 3, 0.9 / 3])
        differences = found.accuracy - found.guess
        assert found.resampled.mean(axis=0) == pytest.approx(differences, abs=0.01)
        assert (np.abs(found.resampled - differences).max(axis=0) <= 0.2).all()

    def test_the_median_model_and_the_spread(self, evidence):
        found = STATISTICS["C1"](evidence)
        median, apart = found["median minus guess"], found["best minus worst"]
        assert median.estimate.low < median.estimate.value < median.estimate.high
        assert median.estimate.value == pytest.approx(median.measure.median())
        accuracy = pick(evidence.results, split="unseen", metric="pair_top1")["value"]
        assert apart.estimate.value == pytest.approx(accuracy.max() - accuracy.min())
        assert apart.estimate.p < 0.001

    def test_a_model_that_knows_one_word_only_is_not_above_its_guess(self, evidence):
        counts = evidence.counts.assign(pair=0)
        found = STATISTICS["C1"](replace(evidence, counts=counts))["median minus guess"]
        assert found.estimate.high < 0
        assert found.estimate.p < 0.01


def test_c2_is_the_mean_of_both_ways_of_halves(evidence):
    (found,) = STATISTICS["C2"](evidence).values()
    first, second = evidence.halves
    both = correlation(first["id"], second["cood"]), correlation(second["id"], first["cood"])
    assert found.estimate.value == pytest.approx(np.mean(both))
    assert found.estimate.low < found.estimate.value < found.estimate.high
    assert f"{correlation(evidence.outcomes['id'], evidence.outcomes['cood']):.2f}" in found.note


@pytest.mark.parametrize(
    ("claim", "column"),
    [("C3 drawings", "images"), ("C3 wrong captions", "wrong_captions"), ("U1 share", "share")],
)
def test_c3_and_u1_are_given_the_rest_of_the_design(evidence, claim, column):
    name, _, test = claim.partition(" ")
    estimate = STATISTICS[name](evidence)[test].estimate
    design, y = evidence.design, evidence.outcomes["cood"]
    expected = partial(y, design[column], design.drop(columns=column))
    assert estimate.value == pytest.approx(expected)
    assert estimate.nuisance == len(design.columns) - 1


def test_u1_compares_standardised_effects(evidence):
    found = STATISTICS["U1"](evidence)["share minus drawings"]
    design, y = evidence.design, evidence.outcomes["cood"]
    scaled = (design - design.mean()) / design.std()
    fit = sm.OLS(y, sm.add_constant(scaled)).fit()
    t = fit.t_test("share - images = 0").tvalue.item()
    assert found.estimate.value == pytest.approx(t / np.sqrt(t**2 + fit.df_resid))
    assert found.estimate.p < 0.05  # as planted


def test_c4_compares_families(parse):
    families = ["openai", "openai", "laion2b", "laion400m", "cc12m", "yfcc15m", "other"]
    names = [f"m{i}" for i in range(7)]
    study = parse(models={m: {"checkpoint": f"local-dir:{m}"} for m in names})
    inside = pd.DataFrame({"value": np.linspace(0.3, 0.7, 7)}, index=names)
    above = np.array([0.06, 0.04, 0.05, 0.05, -0.05, -0.06, 0.0])
    models = pd.DataFrame({"model": names, "family": families})
    nothing = pd.DataFrame(index=names)
    known = Evidence(
        Results(study, pd.DataFrame(), models), nothing, nothing, (nothing, nothing), nothing
    )
    known.__dict__["accuracy"] = inside.assign(value=inside["value"] + above)
    known.__dict__["inside"] = InDistribution("x", "x", inside)
    (effect,) = above_the_line(known).values()
    found = effect.estimate
    assert 0.05 < found.value < 0.15
    assert found.low < found.value < found.high
    assert (found.n, found.families) == (6, 5)
    assert "incompatible with a factor of ten, by extrapolation" in effect.note
    none = replace(known, results=Results(study, pd.DataFrame(), models.assign(family="openai")))
    none.__dict__.update(accuracy=known.accuracy, inside=known.inside)
    with pytest.raises(Untestable, match="yfcc15m and cc12m"):
        STATISTICS["C4"](none)


def test_c5_is_given_the_design_but_the_skew(evidence):
    (found,) = STATISTICS["C5"](evidence).values()
    nmi = caption_table(evidence.results.study).set_index("model")["corrected"]
    nmi = nmi.reindex(evidence.design.index)
    others = evidence.design.drop(columns="skew")
    assert found.estimate.value == pytest.approx(partial(evidence.outcomes["cood"], nmi, others))


@pytest.mark.parametrize(("claim", "space"), [("C6", "text"), ("C7", "image")])
def test_c6_and_c7_rank_by_certified_metrics_only(evidence, claim, space):
    found = STATISTICS[claim](evidence)
    ranks = [
        pick(evidence.results, metric=metric, space=space, split="all")["value"].rank(pct=True)
        for metric in CERTIFIED
    ]
    rank = sum(ranks).reindex(evidence.models.index)
    for test, outcome in ((f"{space}s, C-OoD", "cood"), (f"{space}s, gap", "gap")):
        expected = correlation(rank, evidence.outcomes[outcome])
        assert found[test].estimate.value == pytest.approx(expected)
        assert found[test].members["metric"].tolist() == CERTIFIED
        assert np.isfinite(found[test].given_design.value)
    if claim == "C7":
        assert found["images, C-OoD"].estimate.p < 0.01  # as planted
        explicit = found["images, C-OoD"].members.set_index("metric").loc["explicitness"]
        assert explicit["value"] > 0.4
        assert np.isnan(found["images, C-OoD"].members.set_index("metric").loc["z_diff", "value"])


def test_c6_and_c7_need_a_certificate(evidence):
    with pytest.raises(Untestable, match="No metric has a certificate: it needs the reference run"):
        STATISTICS["C7"](replace(evidence, certificate=None))
    none = evidence.certificate.assign(certified=False)
    with pytest.raises(Untestable, match="None of the named metrics of texts passes"):
        STATISTICS["C6"](replace(evidence, certificate=none))


def test_c8_compares_with_before_training(evidence):
    found = STATISTICS["C8"](evidence)
    assert found["rise of images"].estimate.value == pytest.approx(
        found["rise of images"].measure.mean()
    )
    # Simulated Z-diff, as published, is 1 in all models.
    assert all(effect.saturated for effect in found.values())
    moments = pd.DataFrame(
        [
            ("a", step, space, "z_diff_single", value)
            for space, start, end in (("text", 0.6, 0.9), ("image", 0.5, 0.7))
            for step, value in ((0, start), (5, 0.1), (9, end))
        ],
        columns=["model", "step", "space", "metric", "value"],
    )
    ends = first_and_last(moments, ("z_diff_single",)).loc["a", "z_diff_single"]
    assert ends["text", "before"] == 0.6
    assert ends["image", "after"] == 0.7


def test_c9_and_u2_are_plain_correlations(evidence):
    y, found = evidence.outcomes["cood"], STATISTICS["C9"](evidence)
    for space in ("text", "image"):
        rank = pick(evidence.results, metric="numerical_rank_0.1", space=space, split="all")
        expected = correlation(rank["value"].reindex(y.index), y)
        assert found[f"soft rank of {space}s"].estimate.value == pytest.approx(expected)
    (linear,) = STATISTICS["U2"](evidence).values()
    r2 = pick(evidence.results, metric="r2", split="all")["value"].reindex(y.index)
    assert linear.estimate.value == pytest.approx(correlation(r2, y))
    assert linear.estimate.value < 0
    assert linear.estimate.p < 0.05  # as planted


def test_c10_takes_off_what_the_text_finds_by_itself(evidence):
    (found,) = STATISTICS["C10"](evidence).values()
    where = {"metric": "retrieval_top5", "split": "unseen", "weight": 1.0, "centred": False}
    swap, text = (pick(evidence.results, query=q, **where)["value"] for q in ("swap", "text"))
    y = evidence.outcomes["cood"]
    assert found.estimate.value == pytest.approx(correlation((swap - text).reindex(y.index), y))


def test_c12_takes_off_random_dimensions(evidence):
    found, y = STATISTICS["C12"](evidence), evidence.outcomes["cood"]
    here = {"split": "all", "basis": "axes", "rule": "forward", "disjoint": "images"}
    counts = [
        pick(evidence.results, metric="shared_dimensions", control=c, **here)["value"]
        for c in (False, True)
    ]
    excess = (counts[0] - counts[1]).reindex(y.index)
    assert found["shared dimensions"].estimate.value == pytest.approx(correlation(excess, y))
    # The simulated swap keeps a fifth of the intact accuracy, and more in the chosen dimensions.
    kept = found["dimension swap"].measure
    assert kept.between(0, 0.5).all()


def test_c14_needs_the_dependence_of_parts_and_finds_it(evidence):
    with pytest.raises(Untestable, match="no dependence of parts"):
        STATISTICS["C14"](evidence)
    scores, loss = evidence.results.scores, _losses(evidence)
    rows = scores[(scores["metric"] == "r2") & (scores["split"] == "all")]
    rows = rows[(rows["space"] == "image") & (rows["null"] == "") & (rows["projection"] == "")]
    rows = rows[(rows["basis"] == "") & rows["model"].isin(loss.index)]
    rng = np.random.default_rng(0)
    made = np.log(loss) + rng.normal(0, 0.05, len(loss))
    rows = rows.assign(metric="part_dependence", value=made.reindex(rows["model"]).to_numpy())
    results = replace(evidence.results, scores=pd.concat([scores, rows]))
    (found,) = STATISTICS["C14"](replace(evidence, results=results)).values()
    assert found.estimate.value > 0.8
    assert found.estimate.nuisance == 1


def _losses(evidence):
    table = pd.read_parquet(evidence.results.study.paths.design)
    return table.set_index("model")["loss"]


def test_c15_is_the_contrast_of_treatments_with_placebos(evidence):
    found = STATISTICS["C15"](evidence)
    treatment = evidence.models["treatment"]
    contrast = (treatment == "orthogonality") / 2 - (treatment == "orthogonality_placebo") / 2
    arms = ["orthogonality", "orthogonality_placebo"]
    either = treatment.isin(arms).astype(float).rename("either")
    others = pd.concat([evidence.design.drop(columns=arms), either], axis=1)
    for test, outcome in (("treatment, C-OoD", "cood"), ("treatment, gap", "gap")):
        expected = partial(evidence.outcomes[outcome], contrast, others)
        assert found[test].estimate.value == pytest.approx(expected)
    without = evidence.results.models.assign(treatment="none", strength=0.0)
    bare = replace(evidence, results=replace(evidence.results, models=without))
    with pytest.raises(Untestable, match="no treatment with a placebo"):
        STATISTICS["C15"](bare)


def test_a_study_that_lacks_something_cannot_be_tested(evidence):
    said = {}
    for name in ("C4", "C11", "C13"):
        with pytest.raises(Untestable) as reason:
            STATISTICS[name](evidence)
        said[name] = str(reason.value)
    assert all(text.endswith(".") for text in said.values())
    assert said["C11"] == "The study has no factor sets."
    assert said["C13"] == "The study has no image-only encoder."
    nothing = pd.DataFrame(index=evidence.design.index)
    for name in ("C3", "C5", "U1"):
        with pytest.raises(Untestable, match="no design, so nothing else can be held fixed"):
            STATISTICS[name](replace(evidence, design=nothing))
    with pytest.raises(Untestable, match="The models do not differ in skew"):
        STATISTICS["C5"](replace(evidence, design=evidence.design.drop(columns="skew")))


def test_too_few_models_cannot_be_tested(evidence):
    few = evidence.outcomes.iloc[:3].reindex(evidence.outcomes.index)
    with pytest.raises(
        Untestable, match="Only 3 models of 3 families have the numbers; at least 4"
    ):
        STATISTICS["C10"](replace(evidence, outcomes=few))
    same = evidence.outcomes.assign(cood=1.0)
    with pytest.raises(Untestable, match="is the same for all models"):
        STATISTICS["C10"](replace(evidence, outcomes=same))


def test_the_named_metrics_exist():
    assert set(CERTIFIED) <= set(SCORES)
