import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cood.analysis.stats.estimate import Estimate
from cood.analysis.topics.published import composition as analysis
from cood.report.topics.published import composition

TABLE = analysis.composition_table()


def association(outcome, plain, measure="m", within=Estimate()):  # noqa: B008
    return analysis.Association("C2", outcome, measure, plain, plain, within, plain)


ABOVE = Estimate(0.5, 0.2, 0.7, 0.01, 12, 4, 0.4, 0.6)
BELOW = Estimate(-0.5, -0.7, -0.2, 0.01, 12, 4, -0.6, -0.4)
AROUND = Estimate(0.1, -0.3, 0.5, 0.6, 10, 3, 0.0, 0.2)


def test_sentences_count_intervals():
    found = [association("a", ABOVE), association("b", BELOW), association("c", AROUND)]
    assert composition.describe(found) == (
        "a 0.50 [0.20, 0.70]; b -0.50 [-0.70, -0.20]; c 0.10 [-0.30, 0.50]"
    )
    assert composition.describe(found, "within") == ""
    assert composition.count_intervals(found) == "1 of 3 intervals lies above 0 and 1 below"
    assert composition.count_intervals(found[2:]) == "0 of 1 intervals lie above 0 and none below"
    assert composition.describe_extremes(found) == (
        "from -0.50 [-0.70, -0.20] (b, m) to 0.50 [0.20, 0.70] (a, m)"
    )
    assert composition.sample(found) == "12 CLIPs in 4 families or 10 CLIPs in 3 families"
    two = [association("a", ABOVE, "m"), association("a", AROUND, "k")]
    assert composition.describe(two).startswith("a with m 0.50")


def test_the_table_says_what_the_intervals_say():
    shown = composition.table_of_associations([association("a", ABOVE), association("c", AROUND)])
    assert shown["plain interval"].tolist() == ["above 0", "includes 0"]
    assert shown["within families"].tolist() == ["-", "-"]
    assert shown["plain, without one family"].tolist() == ["0.40 to 0.60", "0.00 to 0.20"]
    assert shown["models"].tolist() == [12, 10]


def test_every_test_says_its_chance_and_limits():
    shown = composition.table_of_tests(TABLE).set_index("test")
    assert list(shown.index) == [*analysis.TESTS.values(), *analysis.RETRIEVAL.values()]
    scores = shown["scores (chance)"]
    assert scores[:3].str.extract(r"\((.*)\)")[0].tolist() == ["50.0 %", "50.0 %", "16.7 %"]
    assert scores["Winoground"] == "6.0 % to 13.0 % (16.7 %)"
    assert scores["CIRR"] == "9.4 % to 29.0 %"
    assert "without the image" in shown.loc["ARO attribution", "what it cannot say"]


def test_winoground_and_curation():
    text = composition.describe_winoground(TABLE)
    assert "0 of 25 CLIPs are above chance (16.7 %)" in text
    assert "400 examples is 1.5 points" in text
    text = composition.describe_curation(TABLE)
    assert text.startswith("DataComp-XL minus LAION-2B in the same architecture")
    assert "mean over 2 architectures" in text
    assert all(name in text for name in analysis.TESTS.values())


def test_models_and_exclusions():
    shown = composition.table_of_models(TABLE).set_index("model")
    assert shown.loc["kakaobrain/align-base", ["checkpoint", "ImageNet"]].tolist() == ["-", "-"]
    row = shown.loc["openai/clip-vit-base-patch32"]
    assert row[["pairs (million)", "ImageNet"]].tolist() == ["400", "63.3 %"]
    left_out = composition.table_of_exclusions()
    assert left_out["table"].value_counts().to_dict() == {"MIEB": 24, "OpenCLIP": 16}
    assert left_out["why it is left out"].ne("").all()


def test_the_figure_has_a_row_an_association_and_a_question():
    found = [association("a", ABOVE), association("c", AROUND, within=BELOW)]
    figure = composition.plot_associations(found, "Is it so?")
    axes = figure.axes[0]
    assert figure.get_suptitle() == "Is it so?"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["C2: a, m", "C2: c, m"]
    values = [np.asarray(line.get_xdata(), float).tolist() for line in axes.lines[:3]]
    assert values == [[0.5, 0.1], [0.5, 0.1], [-0.5]]
    assert len(figure.legends[0].get_texts()) == 3
    assert axes.get_xlim() == pytest.approx((-1.02, 1.02))
    plt.close(figure)


def test_no_word_of_a_verdict():
    found = [association("a", ABOVE), association("b", BELOW), association("c", AROUND)]
    shown = pd.concat([composition.table_of_associations(found), composition.table_of_tests(TABLE)])
    text = shown.to_csv() + composition.count_intervals(found)
    assert not [word for word in ("supported", "contradicted", "undecided") if word in text]
