import matplotlib.pyplot as plt
import numpy as np
import pytest

from cood.analysis.topics.published import accuracy_table, contrasts
from cood.analysis.topics.published.effective_robustness import within_line
from cood.report.topics.published import authors as published

TABLE = accuracy_table.published_table()
MODELS = accuracy_table.working(TABLE)
LINE = accuracy_table.line(MODELS)


@pytest.fixture
def axes():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


def test_a_factor_of_ten_is_marked(axes):
    published.add_reference(axes, 10)
    at = sorted(line.get_xdata()[0] for line in axes.lines)
    assert at == pytest.approx(sorted([0, np.log(10), -np.log(10)]))
    assert {text.get_text() for text in axes.texts} == {"10 times the odds", "a 10th of them"}


def test_every_row_that_a_choice_leaves_out_has_a_reason():
    rows = published.remarks(TABLE).set_index("load")
    assert rows["not in"].value_counts().to_dict() == {"any": 5, "right, apart": 5, "apart": 4}
    assert rows.loc["RN50_cc12m", "why"] == "weights of QuickGELU with plain GELU"
    assert rows.loc["ViT-L-14_laion400m_e31", "why"] == "an epoch before the last of a run"
    assert "RN50_openai" in rows.loc["RN50-quickgelu_openai", "why"]


def test_statistics_are_written_without_verdicts():
    found = published.statistics(accuracy_table.claim_statistics(MODELS, seed=0))
    odds = found.set_index("statistic").loc["odds, large over small sets"]
    assert odds[["claim", "interval", "models", "families"]].tolist() == [
        "C4",
        "incompatible with a factor of ten, by extrapolation",
        63,
        10,
    ]
    assert odds["value"].startswith("1.29 [")
    assert not found.isin(["supported", "contradicted", "undecided"]).any(axis=None)


def test_choices_end_with_the_line_within_families():
    found = published.choices(accuracy_table.selections(TABLE, "distinct", 0.5, 1), 0)
    assert found["models"].tolist() == [63, 58, 54, 42, 63, 63, 63]
    assert found["rows"].iloc[-1] == "line within families"
    assert found["slope"].iloc[-1] == str(within_line(LINE).slope)
    assert found["C4, odds"].iloc[3] == "not estimable"  # no such model of the small sets
    assert "-" in published.on_one_line(found.iloc[[-1]][["Pearson"]]).to_html()


def test_sets_by_two_lines():
    first = accuracy_table.by_set(MODELS, LINE)
    second = accuracy_table.by_set(MODELS, within_line(LINE))
    found = published.by_set({"a": first, "b": second})
    assert list(dict.fromkeys(found["model"]))[:2] == ["DataComp-M (1)", "CommonPool-M (6)"]
    assert found.groupby("group")["low"].count().to_dict() == {"a": 14, "b": 0}
    assert found["value"].notna().all()


def test_sentences():
    c4 = published.describe_c4(MODELS)
    assert "(3 sets against 2; 10 families), incompatible with a factor of ten, by extrap" in c4
    assert "at least 56.5 %, those of small sets of at most 32.6 %" in c4
    assert "lacks one of the two groups" in published.describe_c4(MODELS[MODELS["id"] > 0.5])
    # At most 50 % right or wrong: the error of a share of one half.
    assert f"at most {50 / np.sqrt(46_092):.1f} points" in published.sampling(MODELS)
    assert "5 pairs" in published.noise(5, 0.0015)
    assert "no two epochs of a run" in published.noise(0, np.nan)


def test_tables_of_contrasts_and_of_the_ladder():
    shown = published.contrasts(contrasts.contrasts(MODELS, LINE)).data
    assert len(shown) == 16
    epochs = shown[shown["what differs"] == "epoch 31 or 32"].iloc[0]
    assert epochs[["what is the same", "models"]].tolist() == [
        "5 pairs, the largest difference",
        10,
    ]
    grid = published.ladder(MODELS.assign(residual=LINE.models["residual"])).data
    assert grid.set_index("filter").loc["DataComp", "M"] == "27.6 % (+0.30)"
    assert grid.set_index("filter").loc["image", "XL"] == "-"
