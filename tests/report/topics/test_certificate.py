import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from cood.analysis.certificate import CERTIFICATE, Thresholds
from cood.analysis.certificate.ladder_scores import FEWER, ROTATED, Ladder
from cood.errors import NotebookError
from cood.report.topics import certificate


def row(metric, space="image", certified=True, **values):
    numbers = {name: 0.5 for name, kind in CERTIFICATE.items() if kind is float}
    text = {"metric": metric, "space": space, "certified": certified, "why": ""}
    return {**numbers, "pairs": 12, "models": 20, **text, **values}


@pytest.fixture
def table():
    rows = [
        row("z_diff", certified=False, why="the same value in all models", reliability=np.nan),
        row("dcimig", reliability=0.8, reliability_low=0.6, reliability_high=0.9),
        row("r2", null_distance=12.345, ladder=0.987),
        row("r2", "text", certified=False, why="ladder 0.100", ladder=0.1),
        row("dcimig", "text"),
    ]
    return pd.DataFrame(rows)[list(CERTIFICATE)].astype(CERTIFICATE)


@pytest.fixture
def ladder():
    rungs = [
        {"space": s, "metric": m, "seed": seed, "rung": rung, "value": float(rung)}
        for s in ("image", "text")
        for m in ("dcimig", "r2", "orthogonality")
        for seed in (0, 1)
        for rung in range(3)
    ]
    middle = [
        {"space": "image", "metric": m, "seed": 0, "change": change, "value": value}
        for m, rotated in (("dcimig", 0.2), ("r2", 0.9))
        for change, value in (("", 1.0), (FEWER, 0.7), (ROTATED, rotated))
    ]
    middle += [{**middle[0], "space": "text"}]
    return Ladder(pd.DataFrame(rungs), pd.DataFrame(middle))


def test_how_many_and_which_have_one(table):
    assert certificate.summary(table, ["z_diff", "dcimig"]) == (
        "2 of 3 metrics of images and 1 of 2 metrics of texts have a certificate. Of the metrics "
        "that the papers name (Z-diff, DCIMIG), these have one: for images DCIMIG; for texts "
        "DCIMIG."
    )
    assert "for images none" in certificate.summary(table, ["z_diff"])
    assert certificate.summary(None, ["z_diff"]) == "No metric has a certificate."


def test_whose_certificate_it_is(table):
    assert "comes from this study, lab" in certificate.source("lab", True, table, "lab")
    assert certificate.source("mini", False, table, "lab").endswith("the reference run lab.")
    assert "no certificate of the reference" in certificate.source("mini", False, None, "lab")


def test_the_thresholds_in_words():
    text = certificate.rules(Thresholds(reliability=0.6, pairs=8, null_distance=3, ladder=0.9))
    assert text.startswith("reliability of at least 0.6 over at least 8 points")
    assert "more than 3 standard deviations" in text
    assert text.endswith("at least 0.9 with the rung")


def test_metrics_with_a_certificate_come_first(table):
    shown = certificate.certificate_table(table, "image").set_index("metric")
    assert shown.index.tolist() == ["DCIMIG", "R²", "Z-diff"]
    assert shown["certificate"].tolist() == ["yes", "yes", "no: the same value in all models"]
    assert shown["reliability"].tolist() == ["0.80 [0.60, 0.90]", "0.50 [0.50, 0.50]", "-"]
    assert shown.loc["R²", ["distance from null", "ladder"]].tolist() == ["12.3", "0.99"]


def test_values_of_models_and_of_the_ladder(table, ladder):
    shown = certificate.value_table(table, ladder, "image").set_index("metric")
    assert shown.loc["DCIMIG", ["models", "top rung", "middle rung", FEWER, ROTATED]].tolist() == [
        "0.50",
        "0.50",
        "1.00",
        "0.70",
        "0.20",
    ]
    assert shown.loc["Z-diff", "middle rung"] == "-"  # not on this ladder
    assert FEWER not in certificate.value_table(table, ladder, "text")


def test_what_rotation_moves(ladder):
    assert certificate.moved_by_rotation(ladder).endswith(": DCIMIG.")
    steady = Ladder(ladder.rungs, ladder.middle.assign(value=1.0))
    assert certificate.moved_by_rotation(steady).startswith("No metric of images")


def test_the_figure_has_a_panel_a_metric_and_a_line_a_space(ladder):
    figure = certificate.ladder_figure(ladder, ["dcimig", "r2", "orthogonality", "mig"])
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["DCIMIG", "R²", "Orthogonality (falls)"]  # mig is not on the ladder
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["images, 1.00", "texts, 1.00"]
    falling = [text.get_text() for text in figure.axes[2].get_legend().get_texts()]
    assert falling == ["images, -1.00", "texts, -1.00"]
    plt.close(figure)


def test_an_unknown_metric_is_refused(ladder):
    with pytest.raises(NotebookError, match="pair_top1"):
        certificate.ladder_figure(ladder, ["pair_top1"])
