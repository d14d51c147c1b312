import numpy as np
import pandas as pd
import pytest

from cood.analysis.certificate import CERTIFICATE, Thresholds, certified, certify
from cood.analysis.certificate.certify import SAME
from cood.analysis.certificate.ladder_scores import RUNGS, Ladder
from cood.analysis.results import Results, load_results, plain_rows
from cood.evaluation.common.score_table import JOINED_SCORES, complete

LIMITS = Thresholds(reliability=0.6, pairs=8, null_distance=3, ladder=0.9)
POINTS = [f"m{i}" for i in range(20)]
AGAIN = {f"m{i}-again": f"m{i}" for i in range(12)}
NULLS = ["null-a", "null-b", "null-c"]
LEVEL = np.linspace(0.5, 0.9, 20)  # of the models
RNG = np.random.default_rng(0)
NOISE = RNG.standard_normal((3, 32))


def rows_of(metric, values, chance=np.nan, untrained=(0.0, 0.01, 0.02), **columns):
    """Scores of all points, replicates and null models; `chance` is a number or one for each."""
    trained = {"model": [*POINTS, *AGAIN], "value": values, "chance": chance}
    null = {"model": NULLS, "value": untrained}
    table = pd.concat([pd.DataFrame(trained), pd.DataFrame(null)])
    return table.assign(metric=metric, **{"space": "image", **columns})


def repeated(noise):
    """Levels of the points, again for their replicates, with noise of the training."""
    return np.concatenate([LEVEL, LEVEL[:12]]) + noise * NOISE[0]


def study_of(parse):
    return parse(
        null_models={name: {"image_tower": "resnet", "seed": i} for i, name in enumerate(NULLS)}
    )


@pytest.fixture
def certificate(parse):
    """A row a metric, indexed by it; each tries one property."""
    chance = 0.1 + 0.01 * NOISE[1]
    geometry = {"codes": "images", "unit_rows": True}
    rank = {**geometry, "centred": True, "relative": True}
    tables = [
        rows_of("dci_completeness", repeated(0.01), chance),
        rows_of("explicitness", repeated(0.5), chance),  # noise of training
        rows_of("mig", repeated(0.01), repeated(0.01) - 0.02 * NOISE[2]),  # near its null
        rows_of("sap", repeated(0.01), chance),  # does not climb
        rows_of("z_diff", np.ones(32), chance),
        rows_of("irs", np.full(32, np.nan), chance),
        rows_of("effective_rank", repeated(0.01), untrained=(0.1, 0.11, 0.12), **rank),
        rows_of("stable_rank", repeated(0.01), untrained=(0.1, 0.7, 1.3), **rank),
        rows_of("r2", repeated(0.01), 0.3, **geometry),
        rows_of("r2", 0.3 + 0.001 * NOISE[1], null="shuffled", **geometry),
        rows_of("r2_held_out", repeated(0.01), 0.1, **geometry),  # chance without spread
        rows_of("dci_completeness", repeated(0.5), chance, basis="concepts"),
        rows_of("pair_top1", repeated(0.01), 0.02),
    ]
    scores = complete(pd.concat(tables), JOINED_SCORES, set="ao", split="all", category="all", n=9)
    models = pd.DataFrame(
        {"model": [*POINTS, *AGAIN], "replicate_of": [*[""] * 20, *AGAIN.values()]}
    )
    table = certify(Results(study_of(parse), scores, models), ladder(scores), LIMITS)
    assert table.dtypes.equals(pd.DataFrame(columns=list(CERTIFICATE)).astype(CERTIFICATE).dtypes)
    return table.set_index("metric")


def ladder(scores):
    """All metrics climb, but for `sap`; ranks fall."""
    metrics = scores["metric"].unique()
    values = {name: np.arange(RUNGS) / RUNGS for name in metrics}
    values |= {name: -values[name] for name in metrics if name.endswith("rank")}
    values["sap"] = np.abs(np.arange(RUNGS) / RUNGS - 0.5)
    rungs = [
        {"space": "image", "metric": name, "seed": 0, "rung": i, "value": value}
        for name, column in values.items()
        for i, value in enumerate(column)
    ]
    return Ladder(pd.DataFrame(rungs), pd.DataFrame())


def test_a_metric_that_passes_all(certificate):
    row = certificate.loc["dci_completeness"]
    assert row["certified"]
    assert row["why"] == ""
    assert 0.9 < row["reliability_low"] < row["reliability"] < row["reliability_high"] <= 1
    assert (row["pairs"], row["models"]) == (12, 20)
    assert row["value"] == pytest.approx(0.7, abs=0.01)
    assert row["null"] == pytest.approx(0.1, abs=0.01)
    assert row["untrained"] == pytest.approx(0.01)
    assert row["ladder"] == pytest.approx(1)
    assert row["ceiling"] == pytest.approx(8 / 9)


def test_the_distance_is_in_standard_deviations_of_the_null_over_models(certificate):
    row = certificate.loc["dci_completeness"]
    null = 0.1 + 0.01 * NOISE[1][:20]  # replicates are no models of their own
    values = repeated(0.01)[:20]
    assert row["null_sd"] == pytest.approx(null.std(ddof=1))
    expected = np.median(np.abs(values - null)) / null.std(ddof=1)
    assert row["null_distance"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("metric", "why"),
    [
        ("explicitness", "reliability -?0"),
        ("mig", ".* standard deviations from its null"),
        ("sap", "ladder -?0"),
        ("z_diff", "the same value in all models"),
        ("irs", "no value in any model"),
        ("stable_rank", ".* standard deviations from its null"),
        ("r2_held_out", "no spread of the null"),
    ],
)
def test_what_a_metric_lacks_is_named(certificate, metric, why):
    row = certificate.loc[metric]
    assert not row["certified"]
    assert pd.Series([row["why"]]).str.fullmatch(f"{why}[0-9.]*").all(), row["why"]


def test_a_constant_metric_has_no_reliability(certificate):
    assert np.isnan(certificate.loc["z_diff", "reliability"])
    assert certificate.loc["z_diff", "null_distance"] > 3


def test_soft_ranks_are_compared_with_untrained_models(certificate):
    row = certificate.loc["effective_rank"]
    assert row["certified"]
    assert row["null"] == pytest.approx(0.11)
    assert row["null_sd"] == pytest.approx(0.01)


def test_a_formula_for_chance_gives_way_to_shuffled_labels(certificate):
    row = certificate.loc["r2"]
    assert row["certified"]
    assert row["null_sd"] == pytest.approx(0.001 * NOISE[1][:20].std(ddof=1))


def test_other_scores_and_forms_have_no_row(certificate):
    assert "pair_top1" not in certificate.index
    assert certificate.index.is_unique


def test_which_metrics_a_verdict_may_use(certificate):
    table = certificate.reset_index()
    asked = ["r2", "z_diff", "dci_completeness", "unheard_of"]
    assert certified(table, asked, "image") == ["r2", "dci_completeness"]
    assert certified(table, asked, "text") == []
    assert certified(None, asked, "image") == []


def test_a_design_without_replicates_certifies_nothing(parse):
    scores = complete(
        rows_of("mig", repeated(0.01), 0.1 + 0.01 * NOISE[1]).iloc[:20],
        JOINED_SCORES,
        set="ao",
        split="all",
        category="all",
        n=9,
    )
    models = pd.DataFrame({"model": POINTS})
    table = certify(Results(study_of(parse), scores, models), ladder(scores), LIMITS)
    assert table["why"].tolist() == ["0 points trained twice, 8 needed"]
    assert table["pairs"].tolist() == [0]
    assert table["null_distance"].item() > 3


def test_without_scores_the_table_is_empty(parse):
    scores = complete(rows_of("pair_top1", 0.5), JOINED_SCORES, set="ao", split="all")
    models = pd.DataFrame({"model": POINTS})
    table = certify(Results(study_of(parse), scores, models), ladder(scores), LIMITS)
    assert table.empty
    assert list(table) == list(CERTIFICATE)


def test_a_whole_study_with_replicates(simulate):
    study = simulate(models=24, replicates=8).study
    results = load_results(study.name, replicates=True)
    table = certify(results, ladder(results.scores)).set_index(["space", "metric"])
    assert (table["pairs"] == 8).all()
    assert (table["models"] == 24).all()
    assert table.loc[("image", "z_diff"), "why"].startswith(SAME)
    own, again = (pick_value(results, name) for name in ("m001", "m001-replicate"))
    assert own != again
    assert set(load_results(study.name).models["model"]).isdisjoint({"m001-replicate"})


def pick_value(results, model):
    rows = plain_rows(results.scores, metric="explicitness", space="image", split="all")
    return rows.set_index("model").loc[model, "value"]
