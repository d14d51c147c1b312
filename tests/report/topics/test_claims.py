import json
import re
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cood.analysis.claims.definitions import load_claims
from cood.analysis.claims.effects import Effect
from cood.analysis.claims.statistics import CORRELATION, MEAN, Statistic
from cood.analysis.claims.tables import model_numbers, verdict_table
from cood.analysis.claims.verdicts import judge_effects
from cood.analysis.reference import PROVENANCE_FILE
from cood.analysis.stats.estimate import Estimate
from cood.errors import ArtefactError, CoodError
from cood.files import sha256
from cood.report.topics import claims

CLAIMS = load_claims()
FAMILIES = {claim.id: claim.family for claim in CLAIMS}
N = 80
MODELS = pd.Index([f"m{i}" for i in range(N)], name="model")
DESIGN = pd.DataFrame({"share": np.linspace(-2, 0, N)}, index=MODELS)
MEMBERS = pd.DataFrame(
    [{"set": "ao", "space": "image", "metric": "dci_completeness", "outcome": "y1", "median": 0.3}]
).assign(value=0.4, low=0.1, high=0.6, p=0.0004, holm=0.01)


def effects_of(claim, r, p, **more):
    """An effect for each test of a claim: a correlation of this size, with the expected sign."""
    rng = np.random.default_rng(0)
    found = {}
    for name, sign in claim.tests.items():
        value = r if sign == "+" else -r
        y = rng.normal(size=N)
        numbers = pd.DataFrame({name: value * y + 0.1 * rng.normal(size=N), "cood": y}, MODELS)
        numbers["family"] = MODELS
        kind = MEAN if claim.id in ("C1", "C8") else CORRELATION
        estimate = Estimate(value, value - 0.15, value + 0.15, p, N, N, value - 0.1, value + 0.1)
        fields = {"outcome": "" if kind == MEAN else "y1", "saturated": False} | more
        statistic = Statistic(kind, (name,), () if kind == MEAN else ("cood",))
        found[name] = Effect(statistic, estimate, numbers, **fields)
    return found


def verdicts_on(made, families=FAMILIES):
    by_id = {claim.id: claim for claim in CLAIMS}
    effects = {name: effects_of(by_id[name], *values) for name, values in made.items()}
    effects.get("C8", {}).update(effects_of(by_id["C8"], 0.1, 0.01, saturated=True))
    if "C7" in effects:
        effects["C7"] = effects_of(by_id["C7"], 0.4, 1e-5, members=MEMBERS, note="A <note>.")
    reasons = {name: f"The study has no <{name}>." for name in by_id if name not in made}
    return judge_effects(CLAIMS, effects, reasons, families)


@pytest.fixture(scope="module")
def found():
    made = {"C1": (0.3, 0.001), "C2": (-0.5, 1e-5), "C6": (0.25, 0.3), "C7": (0.4, 1e-5)}
    return verdicts_on(made | {"C8": (0.1, 0.01), "C9": (0.01, 0.9), "U2": (0.01, 0.9)})


def rows_of(styler):
    """The cells of a table, in which an interval may break into lines."""
    return styler.data.replace("&nbsp;", " ", regex=True)


def test_verdicts_are_grouped_by_what_they_tell(found):
    groups = claims.grouped(found)
    ids = {name: [verdict.claim.id for verdict in group] for name, group in groups.items()}
    assert ids["answered"] == ["C1", "C2", "C7"]
    assert ids["no relevant effect"] == ["C9", "U2"]
    assert ids["saturated"] == ["C8"]
    assert ids["undecided, as the power is too low"] == ["C6"]
    assert len(ids["not testable here"]) == len(CLAIMS) - 7
    assert sum(map(len, ids.values())) == len(CLAIMS)


def test_the_smallest_effect_that_could_be_seen(found):
    said = claims.smallest_effect(found)
    lowest = min(v.power.detectable for v in found if np.isfinite(v.power.detectable))
    assert f"is {lowest:.2f} to " in said
    assert claims.smallest_effect(verdicts_on({})) == "No correlation could be computed."


def test_what_cannot_be_reached_is_said_before_the_results(found):
    said = claims.resolution(found)
    assert "cannot be reached" not in said
    assert "among the 2 primary claims that could be tested (C2, C7)" in said
    few = [v for v in found if v.claim.id == "U2"]
    estimate = Estimate(0.1, -0.2, 0.4, 0.5, 24, 24)
    (effect,) = few[0].effects.values()
    small = judge_effects(
        [few[0].claim],
        {"U2": {"linear factorisation": Effect(effect.statistic, estimate, outcome="y1")}},
        {},
        FAMILIES,
    )
    said = claims.resolution(small)
    assert "“no relevant effect” (all coefficients between -0.2 and 0.2)" in said
    assert "cannot be reached with 24 models" in claims.resolution(small)
    table = rows_of(claims.power_table(small))
    assert table["no relevant effect"].tolist() == ["cannot be reached"]
    assert table["power at r = 0.7"].tolist() == ["98 %"]  # a single test at 0.05


def test_an_interval_does_not_break_into_lines(found):
    cells = claims.front(found, "mini", "none", [], "").data.iloc[:, -1]
    assert "0.40&nbsp;[0.25,&nbsp;0.55]" in cells[2]


def test_the_front_table_has_corrected_p_and_sorts_back(found):
    table = rows_of(claims.front(found, "mini", "none", ["disentanglement"], "executed/"))
    assert sorted(table["no."].astype(int)) == list(range(1, len(CLAIMS) + 1))
    assert table["claim"].str.split(":").str[0].tolist()[:4] == ["C1", "C2", "C7", "C9"]
    seven = table[table["no."] == "7"].iloc[0]
    assert 'href="executed/disentanglement.html"' in seven["claim"]
    run = '<span class="run">mini: </span>'
    assert seven["mini"] == (
        f"{run}<b>supported</b><br>images, C-OoD: r = 0.40 [0.25, 0.55]"
        "<br>images, gap: r = 0.40 [0.25, 0.55]"
        "<br>p < 0.001"
    )
    untested = table[table["no."] == "3"].iloc[0]["mini"]
    assert untested == f"{run}<b>not testable here</b><br>The study has no &lt;C3&gt;."


def test_the_table_of_tests_has_all_that_decides(found):
    table = rows_of(claims.tests(found, []))
    row = table.set_index("statistic").loc["soft rank of texts"]
    assert (row["expected"], row["effect"]) == ("below 0", "-0.01 [-0.16, 0.14]")
    assert float(row["p, equivalence"]) < 0.05
    assert (row["given the design"], row["without one model"]) == ("-", "-0.11 to 0.09")
    assert rows_of(claims.tests(verdicts_on({}), [])).iloc[0, 0] == "none could be tested"


def test_metrics_and_remarks(found):
    row = rows_of(claims.metrics(found)[0]).iloc[0]
    assert (row["metric"], row["Pearson"], row["p"]) == (
        "DCI completeness (lines)",
        "0.40 [0.10, 0.60]",
        "< 0.001",
    )
    assert claims.metrics(verdicts_on({})) == []
    remarks = rows_of(claims.remarks(found, None)).set_index("claim")["remarks"]
    assert remarks["C7"] == "A &lt;note&gt;."
    assert remarks["C6"].startswith("The p of the claim is 0.3, and ")
    assert "Power: " in remarks["C6"]
    assert "at r = 0.5" in remarks["C6"]
    assert remarks["C8"].startswith("Nearly all models have the same value")


def test_the_figure_has_a_row_for_each_coefficient(found):
    figure = claims.forest(found)
    (axes,) = figure.axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[0] == "C2  ID accuracy"
    assert len(labels) == 1 + 2 + 2 + 2 + 1
    words = {text.get_text() for text in axes.get_legend().get_texts()}
    assert words == {"contradicted", "undecided", "supported", "no relevant effect"}
    assert "C7 images, gap 0.40 [0.25, 0.55], supported" in claims.described(found)
    plt.close(figure)
    assert claims.described(verdicts_on({})) == "Correlations of the claims: none"


def test_other_pages_can_show_them(found):
    table = claims.embedded(claims.front(found, "mini", "none", [], ""), "Verdicts & more").data
    assert 'aria-label="Verdicts &amp; more"' in table
    assert "</table></div>" in table.replace("\n", "")
    figure, narrow = claims.forest(found), claims.forest(found)
    assert claims.embedded(figure, "Dots").data.startswith("<p><img src=")
    both = claims.embedded(figure, "Dots", narrow).data
    assert both.index('<img class="wide" src=') < both.index('<img class="narrow" src=')
    assert plt.get_fignums() == [figure.number]  # the other one is not shown on the page itself
    plt.close(figure)


def test_a_claim_without_a_curve_has_no_figure(found):
    assert claims.specification_curve_of(found, {}, "C8") is None
    assert not plt.get_fignums()
    with pytest.raises(CoodError, match="C77"):
        claims.specification_curve_of(found, {}, "C77")
    assert rows_of(claims.specifications(found, {})).iloc[0, 0] == "no test is an association"


@pytest.fixture
def evidence():
    study = SimpleNamespace(name="mini", seed=1)
    models = pd.DataFrame(index=MODELS)
    return SimpleNamespace(results=SimpleNamespace(study=study), models=models, design=DESIGN)


@pytest.fixture
def published(project, found):
    """The tables of `found` as those of a reference run `lab`."""
    folder = project / "reference" / "lab"
    folder.mkdir(parents=True)
    verdict_table(found).to_csv(folder / "claims.csv", index=False)
    wider = DESIGN.assign(share=2 * DESIGN["share"])
    model_numbers(found, wider).to_csv(folder / "claims-models.csv", index=False)
    files = {file.name: {"sha256": sha256(file)} for file in folder.iterdir()}
    about = {"commit": {"hash": "0123456789abcdef"}, "date": "2026-11-27T10:00", "files": files}
    (folder / PROVENANCE_FILE).write_text(json.dumps(about))
    return folder


def test_a_run_is_shown_beside_the_reference_run(published, found, evidence):
    own = verdicts_on({"C2": (0.5, 1e-5), "C7": (0.4, 1e-5), "U2": (0.3, 0.01)})
    text, table, about, draws = claims.beside_reference(own, evidence, "lab")
    assert "(commit `0123456789ab`, 2026-11-27)" in text.data
    assert "contradict each other on C2" in text.data
    assert "{" not in text.data
    assert "for the 41 models of `lab` whose factors lie within the ranges of `mini`" in text.data
    rows = rows_of(table).set_index("no.")
    assert "<b>supported</b>" in rows.loc["7", "mini"]
    assert "<b>supported</b>" in rows.loc["7", "lab"]
    assert "<br>p < 0.001" in rows.loc["7", "lab"]
    assert "<b>not testable here</b>" in rows.loc["8", "mini"]
    assert "draws 80 of the models of `lab` 1,000 times" in about.data
    frequencies = rows_of(draws).set_index("claim")
    assert frequencies.loc["C8", "saturated"] == "100 %"


def test_the_first_page_says_in_words_what_each_run_answers(published, found):
    own = verdicts_on({"C2": (0.5, 1e-5), "C6": (0.25, 0.3)})
    said = claims.answer(verdict_table(own), "mini")
    assert said == (
        "In the study mini (80 models), “disentanglement of images predicts C-OoD” (C7) cannot be "
        "tested; “disentanglement is critical” (C15) cannot be tested. "
        f"Of {len(CLAIMS)} claims, 1 is supported (C2 “C-OoD rises with ID accuracy”); "
        f"1 is undecided (C6); {len(CLAIMS) - 2} cannot be tested ("
        f"{', '.join(claim.id for claim in CLAIMS if claim.id not in ('C2', 'C6'))})."
    )
    nothing = claims.answer(verdict_table(verdicts_on({})), "mini")
    assert nothing.startswith("In the study mini (0 models), ")
    other = claims.reference_answer("mini", "lab").data
    supported = "(C7) <strong>is supported</strong> (images, C-OoD r = 0.40 [0.25, 0.55]; images, "
    assert supported in other
    assert "corrected p &lt; 0.001).</li><li>“disentanglement is critical” (C15) <strong>" in other
    assert "1 is contradicted (C2 “" in other
    assert "2 have no relevant effect (C9 “" in other
    beside = "This report shows the study mini. Beside it stands lab, a run of 80 models whose"
    assert claims.runs("mini", "lab").startswith(beside)
    for study, reference in (("lab", "lab"), ("mini", "none")):
        assert claims.runs(study, reference) == f"This report shows the study {study}."
        assert claims.reference_answer(study, reference).data == ""
    listed = claims.answer_as_list(verdict_table(own), "mini", "More & more.").data
    assert listed.startswith("<p>In the study <strong>mini</strong> (80 models):</p><ul><li>“")
    assert listed.endswith("<li>More &amp; more.</li></ul>")
    assert re.findall("<strong>(.*?)</strong>", listed) == ["mini", *["cannot be tested"] * 2]


def test_the_first_page_shows_both_runs_in_one_table(published, found):
    own = verdicts_on({"C2": (0.5, 1e-5)})
    rows = rows_of(claims.front(own, "mini", "lab", ["accuracy"], "executed/")).set_index("no.")
    assert rows.index[0] == "2"
    assert rows.loc["2", "mini"].startswith('<span class="run">mini: </span><b>supported</b><br>')
    assert "p < 0.001" in rows.loc["2", "lab"]
    assert rows.loc["3", "mini"].endswith(
        "<b>not testable here</b><br>The study has no &lt;C3&gt;."
    )
    assert 'href="executed/accuracy.html"' in rows.loc["2", "claim"]
    alone = rows_of(claims.front(own, "mini", "none", [], ""))
    assert list(alone) == ["no.", "claim", "mini"]


def test_nothing_is_shown_without_a_reference_or_beside_itself(published, found, evidence):
    assert claims.beside_reference(found, evidence, "mini") == []
    assert claims.beside_reference(found, evidence, "none") == []
    (published / "claims.csv").unlink()
    with pytest.raises(ArtefactError, match=r"lab/claims.csv is missing from the reference run"):
        claims.beside_reference(found, evidence, "lab")
    about = json.loads((published / PROVENANCE_FILE).read_text()) | {"files": {}}
    (published / PROVENANCE_FILE).write_text(json.dumps(about))  # without the page of claims
    assert claims.beside_reference(found, evidence, "lab") == []


def test_a_larger_run_shows_what_fewer_models_would_decide(found, evidence):
    text, table = claims.draws(found, evidence, 24)
    assert "draws 24 of the models of `mini`" in text.data
    rows = rows_of(table).set_index("claim")
    assert set(rows.index) == {verdict.claim.id for verdict in found if verdict.effects}
    assert claims.draws(found, evidence, 60) == []


def test_a_claim_that_one_of_its_signs_contradicts_says_which():
    rows = pd.DataFrame(
        {
            "claim": "C7",
            "title": "it predicts",
            "verdict": "contradicted",
            "test": ["images, C-OoD", "images, gap"],
            "expected": ["+", "+"],
            "kind": "correlation",
            "value": [0.8, -0.3],
            "low": [0.7, -0.4],
            "high": [0.9, -0.2],
            "n": 200,
            "claim_holm": 0.01,
        }
    )
    end = "because the sign of “images, gap” is the opposite of the expected one."
    assert end in claims.answer(rows, "lab")
    assert end not in claims.answer(rows.assign(verdict="undecided"), "lab")
    assert "because" not in claims.answer(rows.assign(expected=["-", "+"]), "lab")


def test_remarks_say_whether_the_measure_of_a_claim_has_a_certificate(found):
    rows = [
        ("text", "z_diff_single", True, ""),
        ("image", "z_diff_single", False, "ladder 0.4"),
        ("image", "part_dependence", True, ""),
    ]
    certificate = pd.DataFrame(rows, columns=["space", "metric", "certified", "why"])
    said = rows_of(claims.remarks(found, certificate)).set_index("claim")["remarks"]
    assert said["C8"].endswith(
        "Z-diff (single pairs) of texts has a certificate, Z-diff (single pairs) of images has "
        "none (ladder 0.4)."
    )
    assert said["C14"].endswith("part dependence of images has a certificate.")
    assert said["C12"].endswith("The certificate does not test its measure.")
    assert "certificate" not in said["C2"]
