"""The simulated studies, on which the analysis is tested, hold what was planted."""

import numpy as np
import pandas as pd
import pytest

from cood.analysis.outcomes import outcomes
from cood.analysis.results import load_results, pick
from cood.analysis.topics.design import design_columns
from cood.evaluation.common.score_table import JOINED_SCORES, TRAINING_DYNAMICS, check
from cood.files import read_table
from tests.analysis.simulated import Effects, simulated_study, simulated_truth

DCI = ("image", "dci_informativeness")
PLANTED = Effects(
    id={"images": 0.8},
    cood={"images": 0.8, "share": 1.2, "orthogonality": 2.0, "wrong_captions": -0.6},
    link=1.0,
    metrics={DCI: (0.8, 0.6), ("image", "retrieval_gain"): (0.7, 0.5)},
    reliability={("text", "mig"): 0.01},
)


@pytest.fixture(scope="module")
def project_with_effects(tmp_path_factory):
    """A project with a large study that has many effects: to read only."""
    root = tmp_path_factory.mktemp("planted")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        simulated_study(root, models=100, arms="lab", replicates=30, effects=PLANTED, seed=3)
    return root


@pytest.fixture
def planted(project_with_effects, monkeypatch):
    """The results of that study; the current folder is its project."""
    monkeypatch.chdir(project_with_effects)
    return load_results("simulated")


@pytest.fixture(scope="module")
def fitted(project_with_effects):
    """The outcomes of that study."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project_with_effects)
        return outcomes(load_results("simulated"))


def test_planted_effects_are_in_the_outcomes(planted, fitted):
    table, columns = fitted, design_columns(planted)
    truth = simulated_truth(planted.study, 3, PLANTED)
    for name in ("id", "cood", "gap"):
        assert table[name].corr(truth[name].loc[table.index]) > 0.97
    design = np.column_stack([np.ones(len(columns)), (columns - columns.mean()) / columns.std()])
    slopes = {
        name: dict(
            zip(columns, np.linalg.lstsq(design, table[name], rcond=None)[0][1:], strict=True)
        )
        for name in ("id", "cood", "gap")
    }
    assert slopes["id"]["images"] == pytest.approx(0.8, abs=0.3)
    assert slopes["cood"]["images"] == pytest.approx(0.8, abs=0.4)
    assert slopes["gap"]["images"] == pytest.approx(0, abs=0.2)
    assert slopes["gap"]["share"] == pytest.approx(1.2, abs=0.2)
    assert slopes["id"]["share"] == pytest.approx(0, abs=0.3)
    assert slopes["gap"]["wrong_captions"] == pytest.approx(-0.6, abs=0.2)
    arms = planted.models.set_index("model")["treatment"]
    means = (table["gap"] - 1.2 * columns["share"] / columns["share"].std()).groupby(arms).mean()
    assert means["orthogonality"] - means["orthogonality_placebo"] == pytest.approx(2, abs=0.6)
    assert means["additivity"] - means["additivity_placebo"] == pytest.approx(0, abs=0.6)


def test_planted_correlations_of_metrics(planted, fitted):
    where = {"split": "all", "space": "image"}
    values = pick(planted, metric="dci_informativeness", **where)["value"]
    assert values.corr(fitted["cood"]) == pytest.approx(0.8, abs=0.15)
    assert values.corr(fitted["gap"]) == pytest.approx(0.6, abs=0.2)
    nothing = pick(planted, metric="explicitness", **where)["value"]
    assert abs(nothing.corr(fitted["cood"])) < 0.3
    retrieval = [
        pick(planted, metric="retrieval_top1", split="unseen", query=query)["value"]
        for query in ("swap", "text")
    ]
    assert (retrieval[0] - retrieval[1]).corr(fitted["cood"]) == pytest.approx(0.7, abs=0.15)
    assert (pick(planted, metric="z_diff", **where)["value"] == 1).all()


def test_repetitions_agree_as_far_as_a_metric_is_reliable(planted):
    scores = read_table(planted.study.paths.scores)
    for (space, metric), low, high in (((*DCI,), 0.75, 1.0), (("text", "mig"), -0.4, 0.4)):
        rows = scores[(scores["space"] == space) & (scores["metric"] == metric)]
        rows = rows[(rows["null"] == "") & (rows["projection"] == "") & (rows["basis"] == "")]
        values = rows.set_index("model")["value"]
        again = [name for name in values.index if planted.study.replicate_of(name)]
        origins = [planted.study.replicate_of(name) for name in again]
        assert low < np.corrcoef(values[again], values[origins])[0, 1] < high


def test_tables_follow_their_schemas_and_a_seed_gives_the_same(simulate, tmp_path):
    first, second, other = (simulate(seed=seed) for seed in (1, 1, 2))
    check(first.scores, JOINED_SCORES)
    pd.testing.assert_frame_equal(first.scores, second.scores)
    assert not first.scores["value"].equals(other.scores["value"])
    dynamics = read_table(other.study.paths.model_training_dynamics("m001"))
    check(dynamics, TRAINING_DYNAMICS)
    null = pick(other, metric="explicitness", split="all")
    assert len(null) == 24
    assert "untrained-clip" in set(other.scores["model"])


def test_by_default_nothing_is_planted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = simulated_study(tmp_path)
    truth = [simulated_truth(study, seed, Effects()) for seed in range(60)]
    columns = design_columns(load_results(study.name))
    y = np.array([[t["id"].to_numpy(), t["cood"].to_numpy()] for t in truth])
    linked = [np.corrcoef(*pair)[0, 1] for pair in y]
    with_share = [np.corrcoef(columns["share"], pair[1])[0, 1] for pair in y]
    for coefficients in (linked, with_share):
        assert np.mean(coefficients) == pytest.approx(0, abs=0.09)  # three standard errors


def test_what_cannot_be_planted_is_refused(simulate):
    with pytest.raises(KeyError, match="no metrics to plant"):
        simulate(effects=Effects(metrics={("image", "nothing"): (0.5, 0.5)}))
    with pytest.raises(ValueError, match="cannot have the correlations"):
        simulate(effects=Effects(metrics={DCI: (0.9, -0.9)}))
