import json
from dataclasses import replace
from html import escape

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cood.analysis.claims.definitions import load_claims
from cood.analysis.claims.evidence import ID, Effect
from cood.analysis.claims.verdicts import Verdict, verdict_table
from cood.analysis.reference import PROVENANCE_FILE
from cood.analysis.stats.correlation import Correlation
from cood.analysis.stats.estimate import Estimate
from cood.errors import ArtefactError
from cood.files import sha256
from cood.report.topics import claims as verdicts

CLAIMS = {claim.id: claim for claim in load_claims()}
FOUND = Correlation(Estimate(0.62, -0.35, 0.95, n=12), Estimate(0.6, -0.4, 0.9, n=12))


def effect(value=0.62, **more):
    numbers = {"low": -0.35, "high": 0.95, "p": 0.14, "n": 12, "families": 5}
    numbers = {name: more.pop(name, number) for name, number in numbers.items()}
    numbers |= {name: more.pop(name) for name in ("least", "most") if name in more}
    fields = {"kind": "Pearson", "correlation": FOUND} | more
    return Effect(estimate=Estimate(value=value, **numbers), **fields)


def first_sign(claim):
    return next(iter(claim.tests.values()))


def verdict(name, word, effects, why=""):
    return Verdict(
        replace(CLAIMS[name], tests=dict.fromkeys(effects, first_sign(CLAIMS[name]))),
        effects,
        word,
        0.14,
        0.2,
        why,
    )


MEMBERS = pd.DataFrame(
    {
        "set": "<ao>",
        "space": "text",
        "metric": ["mig", "sap"],
        "pearson": [0.1, np.nan],
        "low": -0.3,
        "high": 0.4,
        "p": [0.6, np.nan],
        "holm": [0.0001, np.nan],
        "median": 0.2,
        "chance": 0.1,
    }
)
GIVEN = {ID: FOUND}


@pytest.fixture
def found():
    ends = {"least": 0.5, "most": 0.8, "ways": (0.3, -0.1), "controls": GIVEN}
    apart = effect(0.0001, low=-0.00012, high=0.00031, correlation=None, note="It <grows>.")
    grown = {
        "texts minus images": effect(0, low=0, high=0, correlation=None),
        "rise of images": apart,
    }
    return [
        verdict("C2", "supported", {"ID accuracy": effect(**ends)}),
        verdict("C5", "contradicted", {"caption NMI": effect(-0.4)}),
        verdict("C6", "undecided", {"metrics of texts": effect(members=MEMBERS)}, "p is 0.2"),
        verdict("C8", "undecided", grown, "p is 1"),
        verdict("C13", "not testable here", {}, "The study has none."),
        verdict("C15", "undecided", {"given": effect(kind="partial Pearson", controls=GIVEN)}),
    ]


def test_verdicts_are_counted(found):
    assert verdicts.counts(found) == (
        "1 supported, 1 contradicted, 3 undecided, 1 not testable here"
    )


def test_the_headline_is_the_claim_of_the_title(found):
    text = verdicts.headline(found)
    assert "is undecided by this run" in text
    assert "0.62 [-0.35, 0.95] over 12 models in 5 families" in text
    assert "neither establish nor rule out an effect" in text
    sure = [verdict("C15", "supported", {"metrics": effect()})]
    assert "does not show what causes what" in verdicts.headline(sure)
    none = [verdict("C15", "not testable here", {}, "The study has no metrics.")]
    assert verdicts.headline(none).endswith("in this run. The study has no metrics.")


def test_the_resolution_of_a_study(found):
    # Student's t with 4 degrees of freedom: 2.776 for 5 %, and 4.604 for a fifth of it.
    text = verdicts.resolution(found)
    assert "With 5 families, a 95 % interval extends 2.8 standard errors" in text
    assert "smallest p of 5 claims must lie 4.6 standard errors from 0 to be significant" in text
    assert verdicts.resolution(found[4:5]) == "No correlation could be computed."


def test_the_summary_links_to_pages_that_are_there(found):
    html = verdicts.summary(found, ["accuracy", "training_dynamics"], "executed/").to_html()
    assert '<a href="executed/accuracy.html">C-OoD rises with ID accuracy</a>' in html
    assert "diversity.html" not in html
    assert ">C-OoD rises with diversity of captions<" in html
    assert "Pearson 0.62 [-0.35, 0.95]" in html
    assert "texts minus images: 0.00 [0.00, 0.00]<br>" in html
    assert "rise of images: 0.00010 [-0.00012, 0.00031]" in html
    rounding = effect(-5e-17, low=-1e-16, high=5e-17, correlation=None)
    zero = verdicts.summary([verdict("C13", "undecided", {"gap": rounding})], [], "").to_html()
    assert " 0.00 [0.00, 0.00]" in zero
    assert html.count("12 in 5 families") == 5
    assert html.count("<tr>") == 1 + len(found)


def test_each_statistic_has_its_controls_and_alternatives(found):
    rows = verdicts.tests(found, ["accuracy"]).data.set_index("claim")
    assert len(rows) == 6
    row = rows.loc["C2"]
    assert row["without one family"] == "0.50 to 0.80"
    assert row["in other ways"] == "-0.10 to 0.30"
    assert row["given ID accuracy"] == "0.62 [-0.35, 0.95]"
    assert (row["p"], row["p of claim, Holm"], row["expected"]) == ("0.140", "0.200", "above 0")
    assert rows.loc["C5", "expected"] == "below 0"
    assert rows.loc["C5", "given ID accuracy"] == "-"


def test_each_metric_of_a_set(found):
    table = verdicts.metrics(found).data
    assert table["metric"].tolist() == ["mig", "sap"]
    assert table["Pearson"].tolist() == ["0.10 [-0.30, 0.40]", "-"]
    assert table["p, Holm"].tolist() == ["< 0.001", "-"]
    assert table["set"].iloc[0] == "&lt;ao&gt;"


def test_remarks_give_reasons(found):
    rows = verdicts.remarks(found).data.set_index("")
    assert rows.loc["C13", "remarks"] == "The study has none."
    assert rows.loc["C8", "remarks"] == "P is 1. It &lt;grows&gt;."
    assert rows.loc["C2", "remarks"] == "-"
    assert rows.loc["C2", "claim"] == CLAIMS["C2"].statement


def test_rules_are_given_once(found):
    table = verdicts.rules(found).data
    assert table["claims"].tolist() == ["C2, C5, C13", "C6, C15", "C8"]
    assert table["rule"].tolist() == [escape(CLAIMS[name].rule_text) for name in ("C2", "C6", "C8")]


def test_the_figure_has_every_correlation_and_only_these(found):
    figure = verdicts.forest(found)
    axes = figure.axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert [name.split()[0] for name in names] == ["C2", "C5", "C6", "C15"]
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert [line.get_xdata()[0] for line in dots] == [0.62, -0.4, 0.62, 0.62]
    # The expected side: left for caption NMI.
    assert [bar.get_width() for bar in axes.patches] == [1, -1, 1, 1]
    # What is given ID accuracy already has no second one.
    assert len([line for line in axes.lines if line.get_marker() == "D"]) == 1
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["supported", "given ID accuracy", "contradicted", "undecided"]
    plt.close(figure)
    described = verdicts.described(found)
    assert "C5 caption NMI -0.40 [-0.35, 0.95]; C6 metrics of texts" in described


def test_a_study_without_a_tested_claim():
    none = [verdict("C15", "not testable here", {}, "The study has no metrics.")]
    plt.close(verdicts.forest(none))
    assert len(verdicts.tests(none, []).data) == 1
    assert len(verdicts.metrics(none).data) == 1
    assert "The study has no metrics." in verdicts.summary(none, [], "").to_html()


@pytest.fixture
def published(project, found):
    """The folder of a reference run `lab` with its table of claims."""
    folder = project / "reference" / "lab"
    folder.mkdir(parents=True)
    own = verdict_table([*found[:3], verdict("C13", "undecided", {"gap": effect(0.3)})])
    new = {"claim": "U9", "title": "New <claim>", "verdict": "supported", "test": ""}
    table = pd.concat([own, pd.DataFrame([new])], ignore_index=True)
    table.loc[table["claim"] == "C2", ["verdict", "value"]] = ["contradicted", -0.6]
    table.to_csv(folder / "claims.csv", index=False)
    files = {"claims.csv": {"sha256": sha256(folder / "claims.csv")}}
    about = {"commit": {"hash": "0123456789abcdef"}, "date": "2026-11-27T03:00:00+00:00"}
    (folder / PROVENANCE_FILE).write_text(json.dumps({"files": files, **about}))
    return folder


def test_a_reference_run_stands_beside_this_one(published, found):
    text, table = verdicts.beside_reference(found, "mini", "lab")
    assert "in `reference/lab/` (commit `0123456789ab`, 2026-11-27)" in text.data
    rows = table.data.set_index("")
    assert list(rows.index) == ["C2", "C5", "C6", "C8", "C13", "C15", "U9"]
    two = rows.loc["C2"]
    assert (two["verdict, mini"], two["effect, mini"]) == (
        "<b>supported</b>",
        "0.62 [-0.35, 0.95]",
    )
    assert (two["verdict, lab"], two["effect, lab"]) == (
        "<b>contradicted</b>",
        "-0.60 [-0.35, 0.95]",
    )
    # As the first table shows it: two effects, each with the digits of its interval.
    assert rows.loc["C8", "effect, mini"] == (
        "texts minus images: 0.00 [0.00, 0.00]<br>rise of images: 0.00010 [-0.00012, 0.00031]"
    )
    assert rows.loc["C8", "verdict, lab"] == "<b>-</b>"
    assert rows.loc["C13", ["effect, mini", "effect, lab"]].tolist() == ["-", "0.30 [-0.35, 0.95]"]
    assert rows.loc["U9", "claim"] == "New &lt;claim&gt;"
    assert rows.loc["U9", "verdict, mini"] == "<b>-</b>"


def test_nothing_is_shown_without_a_reference_or_beside_itself(published, found):
    assert verdicts.beside_reference(found, "lab", "lab") == []
    assert verdicts.beside_reference(found, "mini", "none") == []
    (published / "claims.csv").unlink()
    with pytest.raises(ArtefactError, match=r"lab/claims.csv is missing from the reference run"):
        verdicts.beside_reference(found, "mini", "lab")
    about = json.loads((published / PROVENANCE_FILE).read_text()) | {"files": {}}
    (published / PROVENANCE_FILE).write_text(
        json.dumps(about)
    )  # of a study without the page of claims
    assert verdicts.beside_reference(found, "mini", "lab") == []


def test_other_pages_can_show_them(found):
    table = verdicts.embedded(verdicts.summary(found, [], ""), "Verdicts & more").data
    assert 'aria-label="Verdicts &amp; more"' in table
    assert "</table></div>" in table.replace("\n", "")
    figure = verdicts.forest(found)
    assert verdicts.embedded(figure, "Dots").data.startswith("<p><img src=")
    plt.close(figure)
