"""Verdicts on the claims for the report: tables, a figure, and the headline in sentences."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection, Sequence
from html import escape

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import HTML, Markdown
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas.io.formats.style import Styler
from scipy import stats

from cood.analysis.claims.evidence import ID, Effect, Evidence
from cood.analysis.claims.rules import LEVEL, UNTESTED
from cood.analysis.claims.verdicts import Verdict, member_table, verdict_table
from cood.analysis.reference import load_reference
from cood.analysis.stats.verdict import CONTRADICTED, SUPPORTED, UNDECIDED
from cood.report.plots.svg import as_svg

ORDER = (SUPPORTED, CONTRADICTED, UNDECIDED, UNTESTED)
COLOURS = {SUPPORTED: "#2b6a99", CONTRADICTED: "#b5446e", UNDECIDED: "#6f6f6f"}
HEADLINE = "C15"  # the claim in the title of the paper
ROUNDING = 1e-9  # an interval narrower than this is 0 but for rounding


def counts(verdicts: Sequence[Verdict]) -> str:
    """How many claims have each verdict, as a phrase."""
    words = [verdict.verdict for verdict in verdicts]
    return ", ".join(f"{words.count(word)} {word}" for word in ORDER)


def headline(verdicts: Sequence[Verdict]) -> str:
    """The verdict on the claim that disentanglement is critical, as sentences."""
    (verdict,) = (v for v in verdicts if v.claim.id == HEADLINE)
    claim = "The claim that disentanglement is a critical indicator of compositional generalisation"
    if not verdict.effects:
        return f"{claim} cannot be tested in this run. {verdict.why}"
    (effect,) = verdict.effects.values()
    estimate = effect.estimate
    sentence = (
        f"{claim} is {verdict.verdict} by this run: the partial correlation of disentanglement "
        f"(mean rank over its metrics) with C-OoD accuracy, given {ID}, is {_number(effect)} over "
        f"{estimate.n} models in {estimate.families} families."
    )
    if verdict.verdict == UNDECIDED:
        return f"{sentence} The data neither establish nor rule out an effect."
    return f"{sentence} A correlation over models does not show what causes what."


def resolution(verdicts: Sequence[Verdict]) -> str:
    """How far from 0 a statistic must lie to be significant in this study, as a sentence."""
    effects = [effect for _, _, effect in _correlations(verdicts)]
    tested = sum(bool(verdict.effects) for verdict in verdicts)
    if not effects:
        return "No correlation could be computed."
    families = max(effect.estimate.families for effect in effects)
    if families < 2:
        return "All models are of one family."
    uncorrected, first = (stats.t.ppf(1 - p / 2, families - 1) for p in (LEVEL, LEVEL / tested))
    return (
        f"With {families} families, a 95 % interval extends {uncorrected:.1f} standard errors to "
        f"each side. After Holm's correction, the effect with the smallest p of {tested} claims "
        f"must lie {first:.1f} standard errors from 0 to be significant. Undecided means that the "
        "study cannot tell, not that there is no effect."
    )


def _correlations(verdicts: Sequence[Verdict]) -> list[tuple[Verdict, str, Effect]]:
    """The effects that are correlations, with their verdict and the name of the test."""
    return [
        (verdict, name, effect)
        for verdict in verdicts
        for name, effect in verdict.effects.items()
        if effect.correlation is not None
    ]


def _number(effect: Effect) -> str:
    estimate = effect.estimate
    correlation = effect.correlation is not None
    return _scaled(estimate.value, estimate.low, estimate.high, correlation=correlation)


def _scaled(value: float, low: float, high: float, *, correlation: bool) -> str:
    """A number with as many digits as its interval has, if it is no correlation."""
    width, digits = high - low, 2
    if not correlation and ROUNDING < width < 1:  # a difference has its own scale
        digits = 1 - int(np.floor(np.log10(width)))
    return _interval(value, low, high, digits)


def _p(value: float) -> str:
    if not np.isfinite(value):
        return "-"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _link(verdict: Verdict, pages: Collection[str], folder: str, text: str) -> str:
    # The main page of the claim if it is in the book, else the next that is.
    for name in verdict.claim.notebooks:
        if name in pages:
            return f'<a href="{folder}{name}.html">{escape(text)}</a>'
    return escape(text)


def _table(rows: list[dict[str, str]], kind: str) -> Styler:
    # The cells are HTML already: text that comes from a study was escaped.
    style = pd.DataFrame(rows).style.hide(axis="index")
    return style.set_table_attributes(f'class="dataframe {kind}"')


def summary(verdicts: Sequence[Verdict], pages: Collection[str], folder: str) -> Styler:
    """A row a claim: what it says, the verdict, the effect or why there is none, n, and a link.

    Parameters
    ----------
    verdicts, pages
        What `judge` gives; notebooks that are in the book.
    folder
        Of these, as seen from the page that shows the table; with a slash at its end.
    """
    rows = []
    for verdict in verdicts:
        several = len(verdict.effects) > 1
        effects = [
            f"{escape(f'{name}:' if several else effect.kind)} {_number(effect)}"
            for name, effect in verdict.effects.items()
        ]
        estimates = [effect.estimate for effect in verdict.effects.values()]
        models = sorted({f"{e.n} in {e.families} families" for e in estimates})
        rows.append(
            {
                "": verdict.claim.id,
                "claim": _link(verdict, pages, folder, verdict.claim.title),
                "verdict": f"<b>{verdict.verdict}</b>",
                "effect, with 95 % interval": "<br>".join(effects) or escape(verdict.why),
                "models": "<br>".join(models) or "-",
            }
        )
    return _table(rows, "verdicts")


def beside_reference(
    verdicts: Sequence[Verdict], study: str, reference: str
) -> list[Markdown | Styler]:
    """A section that compares this run with a reference run; empty if there is none.

    Parameters
    ----------
    verdicts, study
        What `judge` gives for this run, and the name of its study.
    reference
        Name of the study whose published run is shown; nothing is shown if it is `study`.

    Raises
    ------
    ArtefactError
        If a file of the reference run is damaged.
    """
    run = None if reference == study else load_reference(reference)
    published = None if run is None else run.claims()
    if run is None or published is None:
        return []
    sides = {study: _by_claim(verdict_table(verdicts)), reference: _by_claim(published)}
    titles = {verdict.claim.id: verdict.claim.title for verdict in verdicts}
    for claim, title in zip(published["claim"], published["title"], strict=True):
        titles.setdefault(claim, title)
    rows = []
    for claim, title in titles.items():
        row = {"": escape(claim), "claim": escape(title)}
        for name, side in sides.items():
            verdict, effects = side.get(claim, ("-", "-"))
            row |= {f"verdict, {name}": f"<b>{escape(verdict)}</b>", f"effect, {name}": effects}
        rows.append(row)
    commit, date = run.provenance["commit"]["hash"][:12], run.provenance["date"][:10]
    text = (
        f"**Reference run `{reference}`**\n\nThe project has the tables of a finished run of the "
        f"study `{reference}` in `reference/{reference}/` (commit `{commit}`, {date}). Each row "
        "compares the verdict and the effect of this run with those of the reference run."
    )
    return [Markdown(text), _table(rows, "verdicts")]


def _by_claim(table: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Verdict on each claim of a table of verdicts, and its effects as HTML."""
    table = table.reindex(columns=["claim", "test", "verdict", "value", "low", "high", "spearman"])
    claims = {}
    for claim, rows in table.groupby("claim", sort=False):
        tested = rows[rows["value"].notna()]
        effects = [
            f"{f'{escape(row.test)}: ' if len(tested) > 1 else ''}"
            + _scaled(row.value, row.low, row.high, correlation=not pd.isna(row.spearman))
            for row in tested.itertuples()
        ]
        claims[str(claim)] = rows["verdict"].iloc[0], "<br>".join(effects) or "-"
    return claims


def embedded(content: Styler | Figure, label: str) -> HTML:
    """A table, or a figure, as one piece of HTML that another page of the book can show.

    `label` describes it to screen readers. The book passes HTML from page to page, but no SVG.
    """
    if isinstance(content, Styler):
        # It scrolls where it does not fit, also by keyboard.
        about = f'role="region" tabindex="0" aria-label="{escape(label)}"'
        style = 'style="overflow-x: auto"'
        return HTML(f'<div class="cell_output" {about} {style}>{content.to_html()}</div>')
    data = b64encode(as_svg(content).encode()).decode()
    source = f"data:image/svg+xml;base64,{data}"
    return HTML(f'<p><img src="{source}" alt="{escape(label)}"></p>')


def described(verdicts: Sequence[Verdict]) -> str:
    """What `forest` shows, in words, for those who cannot see it."""
    rows = [
        f"{verdict.claim.id} {name} {_number(effect)}"
        for verdict, name, effect in _correlations(verdicts)
    ]
    return f"Correlations with C-OoD accuracy: {'; '.join(rows) or 'none'}"


def tests(verdicts: Sequence[Verdict], pages: Collection[str]) -> Styler:
    """A row a test: the effect, its p, and how it changes with controls, families and choices."""
    rows = [
        _test_row(verdict, name, effect, pages)
        for verdict in verdicts
        for name, effect in verdict.effects.items()
    ]
    return _table(rows or [{"claim": "none could be tested"}], "intervals")


def _test_row(
    verdict: Verdict, name: str, effect: Effect, pages: Collection[str]
) -> dict[str, str]:
    estimate, correlation = effect.estimate, effect.correlation
    partial = effect.controls[ID].pearson if ID in effect.controls else None
    given = _interval(partial.value, partial.low, partial.high) if partial else "-"
    kind = "" if correlation else f"{escape(effect.kind)} "
    ways = _span(min(effect.ways), max(effect.ways)) if effect.ways else "-"
    return {
        "claim": verdict.claim.id,
        "statistic": _link(verdict, pages, "", name),
        "expected": "above 0" if verdict.claim.tests[name] == "+" else "below 0",
        "effect": f"{kind}{_number(effect)}",
        "given ID accuracy": given,
        "p": _p(estimate.p),
        "p of claim, Holm": _p(verdict.holm),
        "without one family": _span(estimate.least, estimate.most),
        "in other ways": ways,
        "Spearman": f"{correlation.spearman.value:.2f}" if correlation else "-",
    }


def metrics(verdicts: Sequence[Verdict]) -> Styler:
    """A row a metric of each set that a claim is about, with chance and corrected p."""
    rows = [
        {
            "claim": row["claim"],
            "set": escape(row["set"]),
            "embeddings of": f"{row['space']}s",
            "metric": row["metric"].replace("_", " "),
            "median": f"{row['median']:.2f}",
            "chance": f"{row['chance']:.2f}",
            "Pearson": _interval(row["pearson"], row["low"], row["high"]),
            "p": _p(row["p"]),
            "p, Holm": _p(row["holm"]),
        }
        for row in member_table(verdicts).to_dict("records")
    ]
    return _table(rows or [{"claim": "no set of metrics was tested"}], "intervals")


def controls(evidence: Evidence) -> str:
    """The controls, besides ID accuracy, of the saved partial correlations, as a sentence."""
    names = [name for name in evidence.controls if name != ID]
    if not names:
        return "No other property that varies over the models could serve as a control."
    return (
        "The partial correlations given another property of the models are saved too, for each of "
        f"these alone: {', '.join(names)}."
    )


def _interval(value: float, low: float, high: float, digits: int = 2) -> str:
    if not np.isfinite(value):
        return "-"
    value, low, high = (round(x, digits) + 0.0 for x in (value, low, high))  # no -0.00
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def _span(low: float, high: float) -> str:
    if not np.isfinite([low, high]).all():
        return "-"
    low, high = (round(x, 2) + 0.0 for x in (low, high))  # no -0.00
    return f"{low:.2f} to {high:.2f}"


def remarks(verdicts: Sequence[Verdict]) -> Styler:
    """A row a claim: the statement, its source, why it is undecided or untested, and notes."""
    rows = []
    for verdict in verdicts:
        notes = dict.fromkeys(e.note for e in verdict.effects.values() if e.note)
        why = f"{verdict.why[0].upper()}{verdict.why[1:]}".rstrip(".") + "." if verdict.why else ""
        rows.append(
            {
                "": verdict.claim.id,
                "claim": escape(verdict.claim.statement),
                "source": escape(verdict.claim.source),
                "verdict": f"<b>{verdict.verdict}</b>",
                "remarks": escape(" ".join([why, *notes]).strip()) or "-",
            }
        )
    return _table(rows, "remarks")


def rules(verdicts: Sequence[Verdict]) -> Styler:
    """A row a rule: the claims that it decides, and its text."""
    by_rule: dict[str, list[str]] = {}
    for verdict in verdicts:
        by_rule.setdefault(verdict.claim.rule_text, []).append(verdict.claim.id)
    rows = [{"claims": ", ".join(ids), "rule": escape(text)} for text, ids in by_rule.items()]
    return _table(rows, "rules")


def forest(verdicts: Sequence[Verdict]) -> Figure:
    """A row a correlation: coefficient and interval, and the same given ID accuracy."""
    rows = _correlations(verdicts)
    figure, axes = plt.subplots(figsize=(7.2, 1.6 + 0.42 * max(1, len(rows))))
    labelled: set[str] = set()
    for i, (verdict, name, effect) in enumerate(rows):
        side = 1 if verdict.claim.tests[name] == "+" else -1
        axes.barh(i, side, height=0.8, color="0.94", zorder=0)
        _draw_effect(axes, i, verdict, effect, labelled)
    axes.axvline(0, color="0.3", linewidth=1)
    axes.set_yticks(range(len(rows)), [f"{v.claim.id}  {name}" for v, name, _ in rows])
    axes.set(xlim=(-1.03, 1.03), ylim=(len(rows) - 0.4, -0.6))
    axes.set_xlabel("Pearson correlation with C-OoD accuracy\n(grey: the expected side)")
    axes.grid(axis="y", visible=False)
    if rows:
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4)
    return figure


def _draw_effect(
    axes: Axes, row: int, verdict: Verdict, effect: Effect, labelled: set[str]
) -> None:
    """Draw a coefficient, and below it the one given ID accuracy; each label goes in once."""
    estimate, colour = effect.estimate, COLOURS[verdict.verdict]
    y = row - 0.12
    label = None if verdict.verdict in labelled else verdict.verdict
    labelled.add(verdict.verdict)
    axes.hlines(y, estimate.low, estimate.high, color=colour, linewidth=2.2)
    axes.plot(estimate.value, y, "o", color=colour, markersize=7, label=label)
    partial = effect.controls[ID].pearson if ID in effect.controls else None
    if partial is None or effect.kind != "Pearson" or not np.isfinite(partial.value):
        return
    y = row + 0.2
    label = None if ID in labelled else f"given {ID}"
    labelled.add(ID)
    axes.hlines(y, partial.low, partial.high, color="0.55", linewidth=1)
    axes.plot(
        partial.value,
        y,
        "D",
        color="white",
        markeredgecolor="0.35",
        markersize=4.5,
        label=label,
    )
