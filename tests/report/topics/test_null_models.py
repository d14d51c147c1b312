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
from cood.report.correlation_tables import SIDES, drawn, sides
from cood.report.topics import null_models as beyond

NULL = pd.DataFrame(
    [
        ("text", "z_diff", 0.6, 1.0, 1.0, 0.9, 1.0, 1.0, 0.98, 0.9, 1.0, UNCLEAR, 0, 0, 5, 3, 2),
        ("image", "mig", 0.1, 0.1, 0.2, 0.6, 0.9, 1.0, 0.8, 0.7, 0.9, HIGHER, 5, 0, 5, 3, 2),
        ("image", "r2", np.nan, 0.5, 0.6, 0.1, 0.2, 0.3, 0.2, 0.1, 0.3, LOWER, 0, 5, 5, 3, 2),
    ],
    columns=list(COLUMNS),
)
EMPTY = NULL.iloc[:0]


def test_what_training_brought_is_said():
    assert beyond.training_brought(NULL) == (
        "Of 3 pairs of a metric and a space, training surely raised 1 and surely lowered 1; "
        "not told apart: z diff of texts."
    )
    assert "is not known" in beyond.training_brought(EMPTY)


def test_metrics_that_an_untrained_model_reaches_are_named():
    said = beyond.reached_untrained(NULL)
    assert said.startswith("In 1 of 2 that lie above")
    assert "z diff of texts (1.00, median of the trained 1.00, shuffled labels 0.60)" in said
    assert beyond.reached_untrained(NULL.iloc[1:]).startswith("In none of 1 that lie above")
    assert beyond.reached_untrained(NULL.iloc[2:]).startswith("No metric lies far enough")
    assert beyond.reached_untrained(EMPTY).endswith("is not known.")


def test_a_table_for_people():
    table = beyond.untrained_table(NULL)
    assert table["untrained"].tolist() == ["1.00", "0.10 to 0.20", "0.50 to 0.60"]
    assert table["trained: mean"].iloc[2] == "0.20 [0.10, 0.30]"
    assert beyond.untrained_table(EMPTY).empty


def test_accuracy_of_the_untrained():
    found = pd.DataFrame(
        {"value": [0.01, 0.3], "low": [0.0, 0.2], "high": [0.02, 0.4], "chance": 0.01},
        index=["u", "v"],
    )
    assert beyond.untrained_accuracy(found) == (
        "u 1.0 % [0.0, 2.0]; v 30.0 % [20.0, 40.0]. Chance is 1.0 %, and lies in the interval of 1 "
        "of 2."
    )
    assert "has no untrained models" in beyond.untrained_accuracy(found.iloc[:0])


def test_orders():
    table = pd.DataFrame(
        {
            **{"way": ["a", "b"], "tau": [0.9, 0.5], "low": [0.8, 0.1], "high": [1.0, 0.7]},
            **{"median": [0.2, 0.4], "moved": ["m", "n"], "usual_rank": [1.0, 2.0]},
            "rank": [2.0, 5.0],
        }
    )
    said = beyond.order(table)
    assert "between 0.50 and 0.90 in 2 other ways to score; it is lowest for b: 0.50" in said
    assert "n moves most, from rank 2 to 5" in said
    assert beyond.one_way(table, "a") == "is 0.90 [0.80, 1.00]"
    assert beyond.one_way(table, "c") == "is not to be had in this study"
    assert "cannot be compared" in beyond.order(table.assign(tau=np.nan))
    assert "it is lowest for b: 0.50 [0.10, 0.70]. The median" in beyond.order(
        table.drop(columns=["moved", "usual_rank", "rank"])
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
    assert beyond.collisions(results, pd.DataFrame([order])) == (
        'With template "a red {}", which names red, the median accuracy is 20.0 % instead of '
        "50.0 %, and tau 0.50 [0.10, 0.90]."
    )
    assert beyond.collisions(results, pd.DataFrame([order | {"way": "top-5"}])) == (
        "None of the other templates names an attribute of the study."
    )


def test_the_strongest_coefficients():
    columns = ["metric", "space", "spearman", "low", "high"]
    columns += ["partial", "partial_low", "partial_high", "holm"]
    rows = [
        ("mig", "text", 0.3, 0.1, 0.5, 0.2, 0.1, 0.3, 0.2),
        ("r2", "image", -0.8, -0.9, -0.7, -0.6, -0.7, -0.1, 0.01),
        ("sap", "image", *[np.nan] * 7),
    ]
    table = pd.DataFrame(rows, columns=columns)
    assert beyond.best(table, "spearman") == (
        "The strongest: r2 of images -0.80 [-0.90, -0.70], given ID accuracy -0.60 [-0.70, -0.10]; "
        "mig of texts 0.30 [0.10, 0.50], given ID accuracy 0.20 [0.10, 0.30]. "
        "Left after Holm's correction: r2 of images."
    )
    assert beyond.best(table.iloc[:1], "spearman").endswith("correction: none.")
    assert "given ID accuracy none." in beyond.best(table.assign(partial=np.nan), "spearman")
    assert beyond.best(table.iloc[2:], "spearman") == "No metric varies over enough models."


def test_widths(tiny, parse):
    models = pd.DataFrame({"model": ["a", "b"], "embed_dim": [64.0, 64.0]})
    assert "the same width, 64" in beyond.widths(Results(tiny, pd.DataFrame(), models))
    assert "`metrics.fixed_width` is not set" in beyond.widths(
        Results(tiny, pd.DataFrame(), models)
    )
    study = parse(representation_metrics={"fixed_width": 512})
    models["embed_dim"] = [512.0, 768.0]
    assert beyond.widths(Results(study, pd.DataFrame(), models)) == (
        "The models of this study differ in width: 512, 768. All embeddings were brought to 512 "
        "dimensions."
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


def test_coefficients_that_moved_or_were_lost(found):
    narrow = found.assign(projection=["", "", "random", "random"], width=8)
    assert beyond.moved(narrow, "spearman") == (
        "with random projection (8 dimensions), the median coefficient moves by 0.25, and that of "
        "mig of images most, by 0.40"
    )
    assert beyond.moved(found.iloc[:2], "spearman") == "no coefficient can be compared"
    assert beyond.left(found, "spearman") == (
        "Of 2 coefficients whose interval leaves out 0, 1 keep such an interval whatever single "
        "thing is held fixed: sap of images. How many are lost when a thing is held fixed: size 1."
    )
    unsure = found.assign(spearman_low=-1.0, spearman_high=1.0)
    assert beyond.left(unsure, "spearman") == "No interval leaves out 0 to begin with."


def test_confounders_that_hardly_vary_are_marked():
    rows = [("size", "C-OoD accuracy", 0.5, 0.1, 0.9, 5, 4), ("size", "mig", 0, 0, 0, 5, 4)]
    columns = ["control", "metric", "spearman", "spearman_low", "spearman_high", "n", "alike"]
    table = pd.DataFrame(rows, columns=columns)
    assert beyond.strongest(table, "spearman") == (
        "Spearman with C-OoD accuracy. size: 0.50 [0.10, 0.90] (but 4 of 5 models share one value)."
    )
    assert "No size" in beyond.strongest(table.iloc[:0], "spearman")
    assert beyond.fixed([]) == "All sizes that are known vary over the models."
    assert beyond.fixed(["width"]).endswith("another one does: width.")


def test_what_has_no_coefficient_is_not_drawn_unless_nothing_has(found):
    some = found.assign(spearman=[0.5, np.nan, 0.1, np.nan])
    assert drawn(some, "spearman")["metric"].tolist() == ["mig", "mig"]
    none = found.assign(spearman=np.nan)
    assert len(drawn(none, "spearman")) == 4


def test_both_sides_of_a_control_for_a_figure():
    table = pd.DataFrame(
        {
            **{"name": ["mig, images"], "spearman": [0.5], "low": [0.1], "high": [0.9]},
            **{"partial": [0.2], "partial_low": [-0.3], "partial_high": [0.6]},
        }
    )
    found = sides(table, "spearman")
    assert found["group"].tolist() == SIDES
    assert found[["model", "value", "low", "high"]].to_numpy().tolist() == [
        ["mig, images", 0.5, 0.1, 0.9],
        ["mig, images", 0.2, -0.3, 0.6],
    ]


def test_trained_and_untrained_models_are_drawn_apart(parse):
    study = parse(null_models={"u": {"architecture": "vit"}})
    rows = [(m, s, "mig", v) for s in ("image", "text") for m, v in (("a", 0.9), ("u", 0.2))]
    table = pd.DataFrame(rows, columns=["model", "space", "metric", "value"])
    fixed = {"set": "ao", "split": "unseen", "category": "all", "chance": 0.1}
    results = Results(study, complete(table, **fixed), pd.DataFrame({"model": ["a"]}))
    figure = beyond.strips(results, ["mig", "sap"], "unseen")
    for axes in figure.axes:
        chance, trained, null = (list(line.get_xdata()) for line in axes.lines[:3])
        assert (chance, trained, null) == ([0.1, 0.1], [0.9], [0.2])
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["mig"]
