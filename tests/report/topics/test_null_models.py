import numpy as np
import pandas as pd
import pytest

from cood.analysis.canonical_variants import AS_THEY_ARE
from cood.analysis.results import Results
from cood.analysis.topics.null_models.against_null import (
    COLUMNS,
    HIGHER,
    LOWER,
    UNCLEAR,
)
from cood.evaluation.common.score_table import complete
from cood.report.topics import null_models

NULL = pd.DataFrame(
    [
        ("text", "z_diff", 0.6, 1.0, 1.0, 0.9, 1.0, 1.0, 0.98, 0.9, 1.0, UNCLEAR, 0, 0, 5, 3, 2),
        ("image", "mig", 0.1, 0.1, 0.2, 0.6, 0.9, 1.0, 0.8, 0.7, 0.9, HIGHER, 5, 0, 5, 3, 2),
        ("image", "r2", np.nan, 0.5, 0.6, 0.1, 0.2, 0.3, 0.2, 0.1, 0.3, LOWER, 0, 5, 5, 3, 2),
    ],
    columns=list(COLUMNS),
)
EMPTY = NULL.iloc[:0]


def test_effects_of_training_are_counted():
    assert null_models.describe_training_effect(NULL) == (
        "Of 3 pairs of a metric and a space, training raises 1 significantly and lowers 1 "
        "significantly; no significant change: Z-diff of texts."
    )
    assert "is unknown" in null_models.describe_training_effect(EMPTY)


def test_metrics_that_a_null_model_reaches_are_named():
    text = null_models.describe_reached_metrics(NULL)
    assert text.startswith("For 1 of the 2 pairs of a metric and a space that lie")
    assert "to the median trained model: Z-diff of texts. A high value" in text
    assert null_models.describe_reached_metrics(NULL.iloc[1:]).startswith(
        "For none of the 1 pairs of a metric and a space that lie"
    )
    assert null_models.describe_reached_metrics(NULL.iloc[2:]).startswith("No metric lies more")
    assert null_models.describe_reached_metrics(EMPTY).startswith("Without null models")


def test_a_table_of_trained_and_null_models():
    table = null_models.null_model_table(NULL)
    assert table["null models"].tolist() == ["1.00", "0.10 to 0.20", "0.50 to 0.60"]
    assert table["trained: mean"].iloc[2] == "0.20 [0.10, 0.30]"
    assert table["certificate"].tolist() == ["none yet"] * 3
    assert null_models.null_model_table(EMPTY).empty


def test_accuracy_of_null_models():
    found = pd.DataFrame(
        {"value": [0.01, 0.3], "low": [0.0, 0.2], "high": [0.02, 0.4], "chance": 0.01},
        index=["u", "v"],
    )
    assert null_models.describe_null_accuracy(found) == (
        "u 1.0 % [0.0, 2.0]; v 30.0 % [20.0, 40.0]. Chance is 1.0 %, and lies within the interval "
        "of 1 of 2 null models."
    )
    assert "has no null models" in null_models.describe_null_accuracy(found.iloc[:0])


def test_rankings():
    table = pd.DataFrame(
        {
            "way": ["a", "b"],
            "tau": [0.9, 0.5],
            "low": [0.8, 0.1],
            "high": [1.0, 0.7],
            "median": [0.2, 0.4],
            "moved": ["m", "n"],
            "usual_rank": [1.0, 2.0],
            "rank": [2.0, 5.0],
        }
    )
    text = null_models.describe_rank_stability(table)
    assert "between 0.50 and 0.90 for 2 other ways to score. It is lowest for b: 0.50" in text
    assert "n moves most, from rank 2 to 5" in text
    assert null_models.describe_tau(table, "a") == "is 0.90 [0.80, 1.00]"
    assert null_models.describe_tau(table, "c") == "is not available in this study"
    assert "cannot be compared" in null_models.describe_rank_stability(table.assign(tau=np.nan))
    assert (
        "It is lowest for b: 0.50 [0.10, 0.70]. The median"
        in null_models.describe_rank_stability(table.drop(columns=["moved", "usual_rank", "rank"]))
    )


def test_templates_that_name_an_attribute(parse):
    ablations = {"bare": ["{}"], "named": ["a red {}"]}
    study = parse(evaluation={"templates": ["a {}"], "ablations": ablations})
    rows = [("pair_top1", "", 0.5), ("pair_top1", "named", 0.2)]
    rows += [(f"{word}_alone_top1", "", 0.5) for word in ("attribute", "object")]
    table = pd.DataFrame(rows, columns=["metric", "templates", "value"])
    fixed = {"set": "ao", "split": "unseen", "space": "image", "category": "all", "model": "a"}
    scores = complete(table, **fixed, labels="all", low=0.0, high=1.0, chance=0.1, n=5)
    results = Results(study, scores, pd.DataFrame({"model": ["a"]}))
    order = {"way": 'template "a red {}"', "tau": 0.5, "low": 0.1, "high": 0.9, "median": 0.2}
    assert null_models.describe_template_collisions(results, pd.DataFrame([order])) == (
        'With template "a red {}", which names red, the median accuracy is 20.0 % instead of '
        "50.0 %, and tau is 0.50 [0.10, 0.90]."
    )
    assert null_models.describe_template_collisions(
        results, pd.DataFrame([order | {"way": "top-5"}])
    ) == ("None of the other templates names an attribute of the study.")


def test_widths(tiny, parse):
    models = pd.DataFrame({"model": ["a", "b"], "embed_dim": [64.0, 64.0]})
    text = null_models.describe_widths(Results(tiny, pd.DataFrame(), models))
    assert "embeddings of width 64, so width confounds no correlation" in text
    assert "`fixed_width:` is not set" in text
    study = parse(representation_metrics={"fixed_width": 512})
    models["embed_dim"] = [512.0, 768.0]
    assert null_models.describe_widths(Results(study, pd.DataFrame(), models)) == (
        "The embeddings of this study differ in width: 512, 768. All embeddings were also reduced "
        "to 512 dimensions."
    )


@pytest.fixture
def found():
    rows = [
        (AS_THEY_ARE, "mig", 0.5, 0.2, 0.9),
        (AS_THEY_ARE, "sap", 0.9, 0.7, 1.0),
        ("given size", "mig", 0.1, -0.5, 0.6),
        ("given size", "sap", 0.8, 0.6, 0.9),
    ]
    columns = ["way", "metric", "spearman", "spearman_low", "spearman_high"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(space="image", given=["", "", "size", "size"])


def test_coefficients_that_change_or_lose_significance(found):
    narrow = found.assign(projection=["", "", "random", "random"], width=8)
    assert null_models.describe_width_changes(narrow, "spearman") == (
        "with random projection (8 dimensions), the median coefficient changes by 0.25, and that "
        "of MIG of images changes most, by 0.40"
    )
    assert (
        null_models.describe_width_changes(found.iloc[:2], "spearman")
        == "no coefficient can be compared"
    )
    assert null_models.describe_robust_coefficients(found, "spearman") == (
        "Of 2 significant coefficients, 1 stay significant whichever single confounder is held "
        "fixed: SAP of images. Number of coefficients that lose significance, by confounder: "
        "size 1."
    )
    unsure = found.assign(spearman_low=-1.0, spearman_high=1.0)
    assert (
        null_models.describe_robust_coefficients(unsure, "spearman")
        == "No coefficient is significant to begin with."
    )


def test_confounders_that_hardly_vary_are_marked():
    rows = [("size", "C-OoD log odds", 0.5, 0.1, 0.9, 5, 4), ("size", "mig", 0, 0, 0, 5, 4)]
    columns = ["control", "metric", "spearman", "spearman_low", "spearman_high", "n", "alike"]
    table = pd.DataFrame(rows, columns=columns)
    assert null_models.describe_confounders(table, "spearman") == (
        "Spearman correlation with C-OoD log odds: size 0.50 [0.10, 0.90] (but 4 of 5 models "
        "share one value)."
    )
    assert "No size" in null_models.describe_confounders(table.iloc[:0], "spearman")
    assert null_models.describe_omitted_confounders([]).startswith("All sizes of the models")
    assert null_models.describe_omitted_confounders(["width"]).endswith(
        "like another confounder: width."
    )


def test_trained_and_null_models_have_different_marks(parse):
    study = parse(null_models={"u": {"image_tower": "vit"}})
    rows = [(m, s, "mig", v) for s in ("image", "text") for m, v in (("a", 0.9), ("u", 0.2))]
    table = pd.DataFrame(rows, columns=["model", "space", "metric", "value"])
    fixed = {"set": "ao", "split": "unseen", "category": "all", "chance": 0.1}
    results = Results(study, complete(table, **fixed), pd.DataFrame({"model": ["a"]}))
    marked = [("text", "mig")]
    figure = null_models.plot_against_null_models(results, ["mig", "sap"], "unseen", marked)
    for axes in figure.axes:
        chance, trained, null = (list(line.get_xdata()) for line in axes.lines[:3])
        assert (chance, trained, null) == ([0.1, 0.1], [0.9], [0.2])
    names = [[t.get_text() for t in axes.get_yticklabels()] for axes in figure.axes]
    assert names == [["MIG"], ["MIG ✓"]]
