import contextlib
from dataclasses import replace
from pathlib import Path

import myst_nb
import nbformat
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit, logit

import cood.analysis.results
from cood.analysis.claims.claim_tests import STATISTICS, accuracy, image_encoders
from cood.analysis.claims.claim_tests.disentanglement import NAMED
from cood.analysis.claims.evidence import ID, Evidence, Untestable, gather_evidence
from cood.analysis.claims.verdicts import judge
from cood.analysis.in_distribution import InDistribution
from cood.analysis.results import Results, load_results
from cood.analysis.stats import correlation
from cood.analysis.topics.accuracy import language_gap
from cood.evaluation.common.score_table import complete
from cood.files import write_table
from cood.metrics import SCORES

NOTEBOOKS = Path(__file__).parents[3] / "notebooks"
SIZES = [3, 1, 2, 4, 1, 3, 2]  # models of each family
FAMILIES = np.repeat([f"f{i}" for i in range(len(SIZES))], SIZES)
MODELS = [f"m{i}" for i in range(len(FAMILIES))]
CORRELATIONS = {"C2", "C6", "C7", "C10", "C12", "C15"}


def evidence(study, columns):
    """Evidence from one number by model for each metric."""
    fixed = {"space": "image", "category": "all", "split": "unseen", "chance": 0.1, "n": 9}
    rows = [
        {"model": model, "metric": metric, "value": value}
        | ({"query": query, "weight": 1, "centred": False} if query else {})
        for (metric, query), values in columns.items()
        for model, value in zip(MODELS, values, strict=True)
    ]
    scores = complete(rows, set=next(iter(study.sets)), **fixed)
    models = pd.DataFrame({"model": MODELS, "family": FAMILIES})
    return gather_evidence(Results(study, scores, models))


def planted(effect, rng):
    """Two numbers by model with this correlation; families of one to four models are alike."""
    own, shared = rng.standard_normal((2, len(MODELS))), rng.standard_normal((2, len(SIZES)))
    codes = np.unique(FAMILIES, return_inverse=True)[1]
    x, other = np.sqrt(0.5) * own + np.sqrt(0.5) * shared[:, codes]
    return x, effect * x + np.sqrt(1 - effect**2) * other


# 95 % of 200, give or take what as many draws of a coin with that side show.
NOMINAL = stats.binom.ppf([0.005, 0.995], 200, 0.95)


def test_a_planted_effect_is_recovered_at_the_nominal_rate(parse):
    study = parse(models={m: {"checkpoint": f"local-dir:{m}"} for m in MODELS})
    rng, effect = np.random.default_rng(11), 0.7
    covered = refuted = 0
    for _ in range(200):
        x, y = planted(effect, rng)
        columns = {("pair_top1", ""): y, ("retrieval_top5", "swap"): x}
        (measured,) = STATISTICS["C10"](evidence(study, columns)).values()
        found = measured.estimate
        covered += found.low <= effect <= found.high
        refuted += found.p < 0.05
        assert (found.p < 0.05) == (not found.low <= 0 <= found.high)
    assert NOMINAL[0] <= covered <= NOMINAL[1]
    assert refuted >= 60


def test_without_an_effect_p_is_small_at_the_nominal_rate():
    rng, families = np.random.default_rng(12), pd.Series(FAMILIES)
    draws = (map(pd.Series, planted(0, rng)) for _ in range(200))
    found = [correlation.correlate(*draw, families, seed=0).pearson for draw in draws]
    assert NOMINAL[0] <= sum(one.low <= 0 <= one.high for one in found) <= NOMINAL[1]
    assert sum(one.p < 0.05 for one in found) == sum(not one.low <= 0 <= one.high for one in found)


def test_shuffled_labels_leave_verdicts_on_correlations_undecided(shuffled):
    found = {one.claim.id: one for one in judge(gather_evidence(load_results(shuffled)))}
    assert {name for name, one in found.items() if one.effects} >= CORRELATIONS
    assert {name for name in CORRELATIONS if found[name].verdict != "undecided"} == set()
    assert found["C1"].verdict == "undecided"
    # Not only because all models are at chance: no correlation is sure by itself.
    assert min(found[name].holm for name in CORRELATIONS) > 0.05


def test_with_labels_they_are_decided(graded):
    found = {one.claim.id: one for one in judge(gather_evidence(load_results(graded)))}
    supported = {name for name, one in found.items() if one.verdict == "supported"}
    assert {"C1", "C2", "C6", "C7", "C10"} <= supported


class Pages:
    """Runs the notebooks of other pages in this process, with the parameters of a study."""

    def __init__(self, monkeypatch, output, results):
        monkeypatch.setenv("COOD_OUTPUT", str(output))
        monkeypatch.setattr(cood.analysis.results, "load_results", lambda *args: results)
        monkeypatch.setattr(myst_nb, "glue", self._glue)
        self.output, self.glued = output, {}

    def _glue(self, name, value, display):
        self.glued[name] = value

    def run(self, name, study, until):
        """Run the cells of a notebook until it has glued this key or saved this file."""
        notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
        parameters, *cells = [c.source for c in notebook.cells if c.cell_type == "code"]
        space = {}
        exec(parameters, space)
        space["study"] = study
        for source in cells:
            exec(compile(source, f"{name}.ipynb", "exec"), space)
            if until in self.glued or (self.output / until).is_file():
                return
        pytest.fail(f"{name}.ipynb has neither glued nor saved {until!r}")

    def glue_of(self, name, study, key):
        self.run(name, study, key)
        return self.glued[key]


def test_the_numbers_are_those_of_the_other_pages(graded, tmp_path, monkeypatch):
    results = load_results(graded)
    pages = Pages(monkeypatch, tmp_path, results)
    evidence = gather_evidence(results)
    found = {}
    for name, statistic in STATISTICS.items():
        with contextlib.suppress(Untestable):
            found |= {f"{name} {test}": effect for test, effect in statistic(evidence).items()}
    for test, page, key in (
        ("C2 ID accuracy", "accuracy", "correlation"),
        ("C10 composed retrieval", "retrieval", "retrieval_correlation"),
        ("C12 shared dimensions", "dimension_swap", "shared_correlation"),
        ("C12 dimension swap", "dimension_swap", "swapped_correlation"),
    ):
        assert str(found[test].correlation) == pages.glue_of(page, graded, key)
    pages.run("disentanglement", graded, "disentanglement-control.csv")
    every = pd.read_csv(tmp_path / "disentanglement-correlations.csv")
    by_metric = every[every["way"] == "as they are"].set_index(["space", "metric"])
    control = pd.read_csv(tmp_path / "disentanglement-control.csv").set_index(["space", "metric"])
    for test, of in (("C6 metrics of texts", "text"), ("C7 metrics of images", "image")):
        members = found[test].members
        assert len(members) == 4  # Z-diff is not among the metrics of this study
        for row in members.itertuples():
            page = by_metric.loc[(of, row.metric)]
            assert (row.pearson, row.low, row.high) == pytest.approx(
                (page["pearson"], page["pearson_low"], page["pearson_high"]), nan_ok=True
            )
            spearman = control.loc[(of, row.metric), "spearman"]
            assert spearman == pytest.approx(page["spearman"], nan_ok=True)


@pytest.fixture
def trained(parse, tmp_path, monkeypatch):
    """A study of eight models trained here, with captions, dynamics and scores made up."""
    (tmp_path / "workflow" / "studies").mkdir(parents=True)
    (tmp_path / "workflow" / "Snakefile").touch()
    monkeypatch.chdir(tmp_path)
    shares = [0.65, 0.65, 0.7, 0.7, 0.8, 0.8, 1.0, 1.0]
    study = parse(models={f"m{i}": {"share": s, "seed": i} for i, s in enumerate(shares)})
    rng = np.random.default_rng(2)
    rows, moments = [], []
    for i, name in enumerate(study.models):
        kinds = rng.integers(0, 4 - i // 3, size=60)  # attributes; the object follows from each
        captions = pd.DataFrame({"captioned": 5 * kinds + kinds % 2, "names": "pair"})
        write_table(captions, study.paths.model(name) / "captions.parquet")
        for step in (0, 1, 3, 7):
            for space, start in (("image", 0.2), ("text", 0.8)):
                value = min(1, start + 0.05 * np.log2(1 + step) + 0.01 * i)
                moments.append((name, step, space, "z_diff", value))
        columns = ["model", "step", "space", "metric", "value"]
        table = pd.DataFrame(moments, columns=columns)
        write_table(table[table["model"] == name], study.paths.model_training_dynamics(name))
        rows.append((name, "unseen", rng.random()))
        rows.append((name, "seen", rng.random()))
    fixed = {"set": "ao", "space": "image", "category": "all", "labels": "all"}
    scores = pd.DataFrame(rows, columns=["model", "split", "value"])
    scores = complete(scores, **fixed, metric="pair_top1", low=0, high=1, chance=0.1, n=9)
    known = {"family": [m.family for m in study.models.values()], "share": shares}
    models = pd.DataFrame({"model": list(study.models), "kind": "trained here", **known})
    return gather_evidence(Results(study, scores, models))


def test_captions_as_on_their_page(trained, tmp_path, monkeypatch):
    (found,) = STATISTICS["C5"](trained).values()
    pages = Pages(monkeypatch, tmp_path, trained.results)
    assert str(found.correlation) == pages.glue_of("diversity", "tiny", "nmi_correlation")
    assert found.estimate.n == 8
    assert len(found.ways) == 3


def test_training_as_planted(trained):
    found = STATISTICS["C8"](trained)
    apart = found["texts minus images"].estimate
    slope = found["rise of images"].estimate
    ends = [min(1, 0.95 + 0.01 * i) - (0.35 + 0.01 * i) for i in range(8)]
    assert apart.value == pytest.approx(np.mean(ends))
    assert apart.low < apart.value < apart.high
    assert (apart.n, apart.families) == (8, 8)  # a draw each
    assert slope.value == pytest.approx(0.05)
    assert slope.p == pytest.approx(0, abs=1e-6)


def test_the_share_replaces_the_size_of_a_training_set(trained):
    (found,) = STATISTICS["C3"](trained).values()
    expected = stats.pearsonr(trained.models["share"], trained.accuracy).statistic
    assert found.estimate.value == pytest.approx(expected)
    assert "no real pre-training sets" in found.note
    assert set(found.controls) == {ID}


def spread(values, errors, n=400):
    values, errors = np.array(values), np.array(errors)
    outside = pd.DataFrame(
        {"value": values, "low": values - 1.96 * errors, "high": values + 1.96 * errors}
    )
    outside.index = [f"m{i}" for i in range(len(values))]
    return outside.assign(chance=0.01, n=n)


@pytest.fixture
def spreads(trained):
    def make(*known, **more):
        found = STATISTICS["C1"](replace(trained, outside=spread(*known, **more)))
        return found["lowest minus chance"], found["best minus worst"]

    return make


def test_above_chance_and_apart(spreads):
    lowest, apart = spreads([0.3, 0.06, 0.2], [0.01, 0.012, 0.01])
    assert lowest.estimate.value == pytest.approx(0.05)
    # As many images as give this error if no two are alike.
    n = 0.06 * 0.94 / 0.012**2
    expected = stats.binomtest(round(0.06 * n), round(n), 0.01).pvalue
    assert lowest.estimate.p == pytest.approx(expected, rel=1e-3)
    assert apart.estimate.value == pytest.approx(0.24)
    assert "closest to chance, m1, has 6.0 %" in lowest.note
    near, _ = spreads([0.3, 0.0125], [0.01, 0.006])
    assert near.estimate.p > 0.4


def test_the_best_of_equal_models_is_rarely_significantly_better(spreads):
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(60):
        _, apart = spreads(0.5 + 0.02 * rng.standard_normal(8), [0.02] * 8)
        wrong += apart.estimate.p < 0.05
        assert (apart.estimate.low > 0) == (apart.estimate.p < 0.05)
    assert wrong <= 8


def test_effective_robustness_of_two_groups(parse):
    families = ["openai", "openai", "laion2b", "laion400m", "cc12m", "yfcc15m", "other"]
    names = [f"m{i}" for i in range(7)]
    study = parse(models={m: {"checkpoint": f"local-dir:{m}"} for m in names})
    inside = pd.DataFrame({"value": np.linspace(0.3, 0.7, 7)}, index=names)
    above = np.array([0.06, 0.04, 0.05, 0.05, -0.05, -0.06, 0.0])
    outside = inside.assign(value=inside["value"] + above)
    models = pd.DataFrame({"model": names, "family": families})
    known = Evidence(
        Results(study, pd.DataFrame(), models), outside, InDistribution("x", "x", inside)
    )
    (effect,) = STATISTICS["C4"](known).values()
    found = effect.estimate
    assert 0.05 < found.value < 0.15
    assert found.low < found.value < found.high
    assert (found.n, found.families) == (6, 5)
    none = replace(known, results=Results(study, pd.DataFrame(), models.assign(family="openai")))
    with pytest.raises(Untestable, match="yfcc15m and cc12m"):
        STATISTICS["C4"](none)


@pytest.mark.parametrize("towers", [5, 1])
def test_image_only_encoders_as_on_their_page(parse, monkeypatch, towers):
    rng = np.random.default_rng(4)
    clip = np.arange(8 + towers) < 8
    inside = rng.uniform(0.3, 0.8, len(clip))
    table = pd.DataFrame({"trained_on": np.where(clip, "CLIP", "images alone"), "ID": inside})
    table["family"] = [f"f{i}" for i in range(len(clip))]
    table["C-OoD"] = expit(logit(inside) - 1 + 0.8 * clip + 0.1 * rng.standard_normal(len(clip)))
    monkeypatch.setattr(accuracy, "image_encoder_table", lambda results, metric: table)
    monkeypatch.setattr(accuracy, "about_image_encoders", lambda results: "The towers are these.")
    study = parse().model_copy(update={"image_encoders": {"views": None}})
    known = Evidence(Results(study, pd.DataFrame(), pd.DataFrame()), pd.DataFrame(), None)
    if towers == 1:
        with pytest.raises(Untestable, match=r"^Not estimable: .* \(1 family\) are too few"):
            STATISTICS["C13"](known)
        return
    (effect,) = STATISTICS["C13"](known).values()
    found = effect.estimate
    gap = language_gap(table)
    assert (found.value, found.low, found.high, found.p) == (gap.value, gap.low, gap.high, gap.p)
    assert found.value > 0.1
    assert (found.n, found.families) == (13, 13)
    assert f"The towers are these. {gap.inside} of 5 families of trained" in effect.note
    table["ID"] = np.where(clip, table["ID"] / 100, table["ID"])
    with pytest.raises(Untestable, match="within the range of the CLIPs"):
        STATISTICS["C13"](known)


def test_a_study_that_lacks_something_cannot_be_tested(parse):
    study = parse(models={m: {"checkpoint": f"local-dir:{m}"} for m in MODELS})
    known = evidence(study, {("pair_top1", ""): np.linspace(0.1, 0.5, len(MODELS))})
    said = {}
    for name, statistic in STATISTICS.items():
        with pytest.raises(Untestable) as reason:
            statistic(known)
        said[name] = str(reason.value)
    assert all(text.endswith(".") for text in said.values())
    assert said["C5"] == "The training captions of the models are not available."
    assert said["C7"] == "The study has none of these metrics."
    assert said["C10"] == "The study has no composed retrieval."
    assert said["C11"] == "The study has no factor sets."
    with pytest.raises(Untestable, match="no image-only encoder"):
        image_encoders(known)


def test_too_few_models_cannot_be_tested(parse):
    study = parse(models={m: {"checkpoint": f"local-dir:{m}"} for m in MODELS})
    x = np.full(len(MODELS), np.nan)
    x[:2] = 0.3, 0.4
    known = {("pair_top1", ""): np.linspace(0, 1, len(MODELS)), ("retrieval_top5", "swap"): x}
    with pytest.raises(Untestable, match="Only 2 models of 1 families have the numbers; at least"):
        STATISTICS["C10"](evidence(study, known))
    known["retrieval_top5", "swap"] = np.full(len(MODELS), 0.5)
    with pytest.raises(Untestable, match="is the same for all models"):
        STATISTICS["C10"](evidence(study, known))


def test_planted_ranks_of_texts_and_images_have_their_signs(parse):
    study = parse(models={m: {"checkpoint": f"local-dir:{m}"} for m in MODELS})
    rng = np.random.default_rng(13)
    x, accuracy_ = planted(0.9, rng)
    metrics = {"numerical_rank_0.1": {"text": -x, "image": x}, "pair_top1": {"image": accuracy_}}
    fixed = {"set": next(iter(study.sets)), "category": "all", "n": 9}
    split = {"numerical_rank_0.1": "all", "pair_top1": "unseen"}
    rows = [
        {"model": model, "metric": metric, "space": space, "split": split[metric], "value": value}
        | {"centred": metric != "pair_top1", "chance": 0.1}
        for metric, spaces in metrics.items()
        for space, values in spaces.items()
        for model, value in zip(MODELS, values, strict=True)
    ]
    models = pd.DataFrame({"model": MODELS, "family": FAMILIES})
    known = gather_evidence(Results(study, complete(rows, **fixed), models))
    found = STATISTICS["C9"](known)
    assert found["soft rank of texts"].estimate.high < 0
    assert found["soft rank of images"].estimate.low > 0


def test_the_named_metrics_exist():
    assert set(NAMED) <= set(SCORES)
