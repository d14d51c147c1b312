"""Claims C11 and C13, whose models are not those of the zoo; and studies of checkpoints."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from cood.analysis.claims.claim_tests import STATISTICS, factor_sets, image_encoders
from cood.analysis.claims.effects import associate
from cood.analysis.claims.evidence import Evidence, Untestable, gather_evidence
from cood.analysis.claims.verdicts import judge
from cood.analysis.results import Results, load_results
from cood.analysis.topics.accuracy import language_gap
from cood.evaluation.common.score_table import complete
from tests.analysis.claims.conftest import CERTIFIED, certificate
from tests.conftest import FACTORS

MODELS = [f"f{i}" for i in range(20)]


def evidence_of(study, results=None):
    nothing = pd.DataFrame(index=pd.Index([], name="model"))
    results = Results(study, pd.DataFrame(), pd.DataFrame({"model": [], "family": []}))
    return Evidence(results, nothing, nothing, (nothing, nothing), nothing, certificate())


def factor_scores(rng, blind=()):
    """Scores of models on the factor set that each is trained on, all driven by one number."""
    skill, rows = rng.normal(size=len(MODELS)), []
    for i, (model, s) in enumerate(zip(MODELS, skill, strict=True)):
        own = {"model": model, "set": "shapes" if i % 2 else "sprites", "space": "image"}
        for metric in CERTIFIED:
            value = float(expit(s + rng.normal(0, 0.2) + (i % 2)))
            rows.append(own | {"metric": metric, "value": value, "split": "all", "n": 9})
        pair = ("object_hue", "shape") if i % 2 else ("scale", "shape")
        for factor in pair:
            low = 0.1 if model in blind else 0.5
            seen = {
                "metric": "factor_top1",
                "factor": factor,
                "split": "seen",
                "method": "zero_shot",
            }
            rows.append(own | seen | {"value": 0.6, "low": low, "chance": 0.2, "n": 9})
        right = {"metric": "pair_top1", "split": "unseen", "labels": "all", "method": "zero_shot"}
        rows.append(own | right | {"value": float(expit(s)), "n": 1000})
    table = complete(rows, category="all")
    table.loc[table["split"] == "all", "granularity"] = "words"
    return table


@pytest.fixture
def on_factors(parse, monkeypatch):
    def make(blind=(), seed=0):
        study = parse(**{key: FACTORS[key] for key in ("factor_sets", "factor_models")})
        rng = np.random.default_rng(seed)
        models = pd.DataFrame({"model": MODELS, "family": MODELS})
        models["trained_on"] = ["shapes" if i % 2 else "sprites" for i in range(len(MODELS))]
        results = Results(study, factor_scores(rng, blind), models)
        monkeypatch.setattr(factor_sets, "load_factors", lambda file: results)
        return evidence_of(study)

    return make


def test_c11_is_over_models_that_are_trained_on_factor_sets(on_factors):
    (effect,) = STATISTICS["C11"](on_factors()).values()
    assert effect.estimate.value > 0.8
    assert (effect.estimate.n, effect.estimate.nuisance) == (20, 1)
    assert effect.note.startswith("20 of 20 models that are trained on factor sets name both")
    assert not effect.association  # with the accuracy of the zoo


def test_c11_leaves_out_models_that_do_not_name_the_factors(on_factors):
    (effect,) = STATISTICS["C11"](on_factors(blind=MODELS[:8])).values()
    assert effect.estimate.n == 12
    assert effect.note.startswith("12 of 20 models")
    with pytest.raises(Untestable, match="None of the 20 models that are trained on factor sets"):
        STATISTICS["C11"](on_factors(blind=MODELS))


@pytest.mark.parametrize("towers", [5, 1])
def test_c13_is_the_difference_in_log_odds(parse, monkeypatch, towers):
    rng = np.random.default_rng(4)
    clip = np.arange(8 + towers) < 8
    inside = rng.uniform(0.3, 0.8, len(clip))
    table = pd.DataFrame({"trained_on": np.where(clip, "CLIP", "images alone"), "ID": inside})
    table["family"] = [f"f{i}" for i in range(len(clip))]
    table["C-OoD"] = expit(logit(inside) - 1 + 0.8 * clip + 0.1 * rng.standard_normal(len(clip)))
    monkeypatch.setattr(image_encoders, "image_encoder_table", lambda results, metric: table)
    monkeypatch.setattr(image_encoders, "about_image_encoders", lambda results: "The towers.")
    known = evidence_of(parse().model_copy(update={"image_encoders": {"views": None}}))
    if towers == 1:
        with pytest.raises(Untestable, match=r"^Not estimable: .* \(1 family\) are too few"):
            STATISTICS["C13"](known)
        return
    (effect,) = STATISTICS["C13"](known).values()
    assert effect.estimate == language_gap(table).log_odds
    assert effect.estimate.low < 0.8 < effect.estimate.high
    assert (effect.estimate.n, effect.estimate.families) == (13, 13)
    assert "The towers." in effect.note
    table["ID"] = np.where(clip, table["ID"] / 100, table["ID"])
    with pytest.raises(Untestable, match="within the range of the CLIPs"):
        STATISTICS["C13"](known)


def test_checkpoints_have_families_as_units_and_no_gap(graded):
    evidence = gather_evidence(load_results(graded))
    assert not evidence.has_draws
    (effect,) = STATISTICS["C2"](evidence).values()
    assert (effect.estimate.n, effect.estimate.families) == (10, 8)
    assert effect.estimate.value > 0.8
    found = {verdict.claim.id: verdict for verdict in judge(evidence)}
    assert found["C1"].verdict == "supported"
    assert found["U2"].verdict == "supported"
    assert found["C3"].why == "The study has no design, so nothing else can be held fixed."
    certified = replace(evidence, certificate=certificate())
    assert list(STATISTICS["C7"](certified)) == ["images, C-OoD"]
    with pytest.raises(Untestable, match="no seen compositions, so the gap of its models is unkn"):
        associate(evidence, "x", evidence.outcomes["cood"], "y2")


def test_shuffled_labels_decide_nothing(shuffled):
    found = judge(gather_evidence(load_results(shuffled)))
    assert {verdict.verdict for verdict in found} <= {
        "undecided",
        "not testable here",
        "contradicted",
    }
    # Models that know nothing are no better than a guess from one word.
    assert {v.claim.id for v in found if v.verdict == "contradicted"} <= {"C1"}
