"""Verdicts on the claims, for people: tables, a figure, and the answer in a sentence."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection, Sequence
from html import escape

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import HTML
from matplotlib.figure import Figure
from pandas.io.formats.style import Styler
from scipy import stats

from cood.analysis.claims.evidence import ID, Effect, Evidence
from cood.analysis.claims.verdicts import (
    CONTRADICTED,
    LEVEL,
    SUPPORTED,
    UNDECIDED,
    UNTESTED,
    Verdict,
    member_table,
)
from cood.report.plots.svg import as_svg

ORDER = (SUPPORTED, CONTRADICTED, UNDECIDED, UNTESTED)
COLOURS = {SUPPORTED: "#2b6a99", CONTRADICTED: "#b5446e", UNDECIDED: "#6f6f6f"}
HEADLINE = "C15"  # the claim that the papers are named after


def counts(verdicts: Sequence[Verdict]) -> str:
    """How many claims have each verdict, as a phrase."""
    found = [one.verdict for one in verdicts]
    return ", ".join(f"{found.count(name)} {name}" for name in ORDER)


def headline(verdicts: Sequence[Verdict]) -> str:
    """What the run says of the claim that disentanglement is critical, as sentences."""
    (one,) = (v for v in verdicts if v.claim.id == HEADLINE)
    asked = "That disentanglement is a critical indicator of compositional generalisation"
    if not one.effects:
        return f"{asked} cannot be tested in this run. {one.why}"
    (effect,) = one.effects.values()
    over = f"over {effect.n} models in {effect.families} families"
    said = (
        f"{asked} is {one.verdict} by this run: {ID} held fixed, the metrics of disentanglement "
        f"and C-OoD accuracy correlate with {_number(effect)} {over}."
    )
    if one.verdict == UNDECIDED:
        return f"{said} So few families neither show such an effect nor exclude it."
    return f"{said} It is a correlation over models, and does not say what causes what."


def resolution(verdicts: Sequence[Verdict]) -> str:
    """How far from 0 a statistic must lie to decide a claim of the study, as a sentence."""
    effects = [e for one in verdicts for e in one.effects.values() if e.found is not None]
    tested = sum(bool(one.effects) for one in verdicts)
    if not effects:
        return "No correlation could be computed."
    families = max(effect.families for effect in effects)
    if families < 2:
        return "All models are of one family."
    alone, first = (stats.t.ppf(1 - p / 2, families - 1) for p in (LEVEL, LEVEL / tested))
    return (
        f"With {families} families an interval reaches {alone:.1f} standard errors to both sides, "
        f"and the first of {tested} claims is decided at {first:.1f}: in a study with so many "
        "families, undecided means that it cannot tell, not that there is nothing."
    )


def _number(effect: Effect) -> str:
    width = effect.high - effect.low
    if effect.found is None and 0 < width < 1:  # a difference has a scale of its own
        digits = 1 - int(np.floor(np.log10(width)))
        return "{:.{d}f} [{:.{d}f}, {:.{d}f}]".format(
            effect.value, effect.low, effect.high, d=digits
        )
    return _interval(effect.value, effect.low, effect.high)


def _p(value: float) -> str:
    if not np.isfinite(value):
        return "-"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _link(one: Verdict, pages: Collection[str], folder: str, text: str) -> str:
    # Only to pages that are in the book: the main one, else the next.
    for name in one.claim.notebooks:
        if name in pages:
            return f'<a href="{folder}{name}.html">{escape(text)}</a>'
    return escape(text)


def _table(rows: list[dict[str, str]], kind: str) -> Styler:
    # Cells are HTML already: what comes from a study was escaped.
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
    for one in verdicts:
        several = len(one.effects) > 1
        effects = [
            (f"{escape(name)}: " if several else f"{escape(e.kind)} ") + _number(e)
            for name, e in one.effects.items()
        ]
        n = {f"{e.n} in {e.families} families" for e in one.effects.values()}
        rows.append(
            {
                "": one.claim.id,
                "claim": _link(one, pages, folder, one.claim.title),
                "verdict": f"<b>{one.verdict}</b>",
                "effect, with 95 % interval": "<br>".join(effects) or escape(one.why),
                "models": "<br>".join(sorted(n)) or "-",
            }
        )
    return _table(rows, "verdicts")


def embedded(content: Styler | Figure, label: str) -> HTML:
    """A table, or a figure, as one piece of HTML that another page of the book can show.

    `label` says what it is to those who cannot see it. The book takes HTML from page to page, but
    no SVG.
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
    said = [
        f"{one.claim.id} {name} {_number(effect)}"
        for one in verdicts
        for name, effect in one.effects.items()
        if effect.found is not None
    ]
    return f"Correlations with C-OoD accuracy: {'; '.join(said) or 'none'}"


def tests(verdicts: Sequence[Verdict], pages: Collection[str]) -> Styler:
    """A row a test: the effect with all that may speak against it."""
    rows = []
    for one in verdicts:
        for name, e in one.effects.items():
            partial = e.controls.get(ID)
            within = np.isfinite([e.least, e.most]).all()
            given = "-"
            if partial is not None:
                given = _interval(partial.pearson, partial.low, partial.high)
            kind = "" if e.found else f"{escape(e.kind)} "
            rows.append(
                {
                    "claim": one.claim.id,
                    "statistic": _link(one, pages, "", name),
                    "expected": "above 0" if one.claim.tests[name] == "+" else "below 0",
                    "effect": f"{kind}{_number(e)}",
                    "given ID accuracy": given,
                    "p": _p(e.p),
                    "p of claim, Holm": _p(one.holm),
                    "without one family": _span(e.least, e.most) if within else "-",
                    "in other ways": _span(min(e.ways), max(e.ways)) if e.ways else "-",
                    "Spearman": "-" if e.found is None else f"{e.found.spearman:.2f}",
                }
            )
    return _table(rows or [{"claim": "none could be tested"}], "intervals")


def metrics(verdicts: Sequence[Verdict]) -> Styler:
    """A row a metric of each set that a claim speaks of, with its null and p by Holm within."""
    table = member_table(list(verdicts))
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
            "p by Holm": _p(row["holm"]),
        }
        for row in table.to_dict("records")
    ]
    return _table(rows or [{"claim": "no set of metrics was tested"}], "intervals")


def controls(evidence: Evidence) -> str:
    """What each correlation is also held against in the saved tables, as a sentence."""
    names = [name for name in evidence.controls if name != ID]
    if not names:
        return "Nothing else that could be held fixed is known of the models and differs."
    return f"The same with one of these held fixed is saved too: {', '.join(names)}."


def _interval(value: float, low: float, high: float) -> str:
    return f"{value:.2f} [{low:.2f}, {high:.2f}]" if np.isfinite(value) else "-"


def _span(low: float, high: float) -> str:
    return f"{low:.2f} to {high:.2f}"


def remarks(verdicts: Sequence[Verdict]) -> Styler:
    """A row a claim: the statement, its source, why it was not decided, and what was tested."""
    rows = []
    for one in verdicts:
        notes = dict.fromkeys(e.note for e in one.effects.values() if e.note)
        why = f"{one.why[0].upper()}{one.why[1:]}".rstrip(".") + "." if one.why else ""
        rows.append(
            {
                "": one.claim.id,
                "claim": escape(one.claim.statement),
                "source": escape(one.claim.source),
                "verdict": f"<b>{one.verdict}</b>",
                "remarks": escape(" ".join([why, *notes]).strip()) or "-",
            }
        )
    return _table(rows, "remarks")


def rules(verdicts: Sequence[Verdict]) -> Styler:
    """A row a rule: which claims it is for, and what it says."""
    by_rule: dict[str, list[str]] = {}
    for one in verdicts:
        by_rule.setdefault(one.claim.rule, []).append(one.claim.id)
    rows = [{"claims": ", ".join(ids), "rule": escape(rule)} for rule, ids in by_rule.items()]
    return _table(rows, "rules")


def forest(verdicts: Sequence[Verdict]) -> Figure:
    """A row a correlation: coefficient and interval, and the same given ID accuracy."""
    rows = [
        (one, name, effect)
        for one in verdicts
        for name, effect in one.effects.items()
        if effect.found is not None
    ]
    figure, axes = plt.subplots(figsize=(7.2, 1.6 + 0.42 * max(1, len(rows))))
    shown = set()
    for i, (one, name, effect) in enumerate(rows):
        colour = COLOURS[one.verdict]
        side = 1 if one.claim.tests[name] == "+" else -1
        axes.barh(i, side, height=0.8, color="0.94", zorder=0)
        label = None if one.verdict in shown else one.verdict
        shown.add(one.verdict)
        axes.hlines(i - 0.12, effect.low, effect.high, color=colour, linewidth=2.2)
        axes.plot(effect.value, i - 0.12, "o", color=colour, markersize=7, label=label)
        partial = effect.controls.get(ID)
        if partial is not None and effect.kind == "Pearson" and np.isfinite(partial.pearson):
            label = None if ID in shown else f"given {ID}"
            shown.add(ID)
            axes.hlines(i + 0.2, partial.low, partial.high, color="0.55", linewidth=1)
            axes.plot(
                *(partial.pearson, i + 0.2, "D"),
                color="white",
                markeredgecolor="0.35",
                markersize=4.5,
                label=label,
            )
    axes.axvline(0, color="0.3", linewidth=1)
    axes.set_yticks(range(len(rows)), [f"{one.claim.id}  {name}" for one, name, _ in rows])
    axes.set(xlim=(-1.03, 1.03), ylim=(len(rows) - 0.4, -0.6))
    axes.set_xlabel("Pearson correlation with C-OoD accuracy\n(grey ground: the side expected)")
    axes.grid(axis="y", visible=False)
    if rows:
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4)
    return figure
