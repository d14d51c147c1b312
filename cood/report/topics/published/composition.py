"""Tests of composition of published CLIPs: tables, sentences and a figure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cood.analysis.results import percent
from cood.analysis.stats.estimate import Estimate
from cood.analysis.topics.published import composition as analysis
from cood.analysis.topics.published.accuracy_table import against_zero
from cood.analysis.topics.published.composition import Association
from cood.catalogue.published_accuracy import mieb, openclip
from cood.report.plots.intervals import interval_rows

# What is correlated, by attribute of `Association`.
FORMS = {
    "plain": "plain",
    "given_size": "given the number of parameters",
    "within": "within families",
}
# By column of the table: chance, what a model is asked, and what the score cannot say.
TESTS = {
    "aro_attribution": (
        0.5,
        "which of two captions fits the image; the other has the attributes of two objects swapped",
        "a swapped caption often reads oddly, so a model can choose the likelier text without the "
        "image",
    ),
    "sugarcrepe": (
        0.5,
        "which of two fluent captions fits the image; the other has a word replaced, added or "
        "swapped",
        "where a word is replaced or added, recognising single words is enough; some captions can "
        "still be told apart without the image",
    ),
    "winoground": (
        analysis.WINOGROUND_CHANCE,
        "which of two captions with the same words fits which of two images; all must be right",
        f"only {analysis.WINOGROUND_EXAMPLES} examples, many of which need more than composition",
    ),
    "cirr": (
        np.nan,
        "find the image that differs from a given one as a text says (NDCG at 10)",
        "the text alone finds many targets; that part, which C10 subtracts, was not published",
    ),
    "fashioniq": (
        np.nan,
        "the same for clothes (NDCG at 10)",
        "the same, in a narrow domain",
    ),
}


def table_of_tests(table: pd.DataFrame) -> pd.DataFrame:
    """A row a test: chance, range over models, what it asks and what it cannot say."""
    names = analysis.TESTS | analysis.RETRIEVAL
    return pd.DataFrame(
        {
            "test": names[test],
            "scores (chance)": f"{percent(table[test].min())} to {percent(table[test].max())}"
            + (f" ({percent(chance)})" if np.isfinite(chance) else ""),
            "what it asks": asks,
            "what it cannot say": limits,
        }
        for test, (chance, asks, limits) in TESTS.items()
    )


def table_of_associations(found: Sequence[Association]) -> pd.DataFrame:
    """A row an association: its coefficients with intervals, and what they say against 0."""
    return pd.DataFrame(
        {
            "claim": one.claim,
            "outcome": one.outcome,
            "with": one.measure,
            **{heading: _shown(getattr(one, form)) for form, heading in FORMS.items()},
            "plain, without one family": f"{one.plain.least:.2f} to {one.plain.most:.2f}",
            "Spearman, plain": str(one.spearman),
            "models": one.plain.n,
            "families": one.plain.families,
            "plain interval": against_zero(one.plain),
        }
        for one in found
    )


def _shown(estimate: Estimate) -> str:
    return "-" if np.isnan(estimate.value) else str(estimate)


def describe(found: Sequence[Association], form: str = "plain") -> str:
    """Coefficients of one form with their intervals, as a phrase."""
    several = len({one.measure for one in found}) > 1
    return "; ".join(
        f"{one.outcome}{f' with {one.measure}' if several else ''} {getattr(one, form)}"
        for one in found
        if np.isfinite(getattr(one, form).value)
    )


def describe_extremes(found: Sequence[Association], form: str = "plain") -> str:
    """The lowest and the highest coefficient of one form with their intervals, as a phrase."""
    ordered = sorted(found, key=lambda one: getattr(one, form).value)
    ends = [f"{getattr(one, form)} ({one.outcome}, {one.measure})" for one in ordered]
    return f"from {ends[0]} to {ends[-1]}"


def count_intervals(found: Sequence[Association], form: str = "plain") -> str:
    """How many intervals lie above and below 0, as a phrase."""
    readings = [against_zero(getattr(one, form)) for one in found]
    above, below = (readings.count(words) for words in ("above 0", "below 0"))
    verb = "lies" if above == 1 else "lie"
    return f"{above} of {len(readings)} intervals {verb} above 0 and {below or 'none'} below"


def sample(found: Sequence[Association]) -> str:
    """Numbers of models and families of several associations, as a phrase."""
    counts = dict.fromkeys((one.plain.n, one.plain.families) for one in found)
    return " or ".join(f"{n} CLIPs in {families} families" for n, families in counts)


def describe_winoground(table: pd.DataFrame) -> str:
    """How far Winoground can tell models apart, as sentences."""
    error, spread, above = analysis.winoground_noise(table)
    share = 100 * (error / spread) ** 2
    return (
        f"On Winoground {above} of {table['winoground'].notna().sum()} CLIPs are above chance "
        f"({percent(analysis.WINOGROUND_CHANCE)}). The standard error of a score from its "
        f"{analysis.WINOGROUND_EXAMPLES} examples is {100 * error:.1f} points, and the standard "
        f"deviation over CLIPs {100 * spread:.1f} points, so up to {share:.0f} % of the "
        "variance over CLIPs is sampling error. That makes its correlations smaller."
    )


def describe_curation(table: pd.DataFrame) -> str:
    """Curated against uncurated data in the same architecture, as a sentence."""
    parts, architectures = [], 0
    for column, name in analysis.TESTS.items():
        grid, gain = analysis.curation_gain(table, column)
        architectures = len(grid)
        parts.append(f"{name} {gain}")
    return (
        f"{analysis.CURATED} minus {analysis.UNCURATED} in the same architecture, in logits (mean "
        f"over {architectures} architectures): {'; '.join(parts)}. The two sets differ in size "
        "and in the number of pairs seen too."
    )


def plot_associations(found: Sequence[Association], title: str) -> Figure:
    """A row an association, with a dot and an interval for each form of the coefficient."""
    rows = [
        {
            "model": f"{one.claim}: {one.outcome}, {one.measure}",
            "group": heading,
            "value": getattr(one, form).value,
            "low": getattr(one, form).low,
            "high": getattr(one, form).high,
        }
        for one in found
        for form, heading in FORMS.items()
    ]
    figure = interval_rows(pd.DataFrame(rows), list(FORMS.values()), "correlation of logits")
    axes = figure.axes[0]
    if (legend := axes.get_legend()) is not None:
        legend.remove()  # it is wider than the axes beside long names
    figure.legend(loc="outside lower center", ncols=len(FORMS))
    axes.axvline(0, color="0.3", linewidth=1, zorder=0)
    axes.set_xlim(-1.02, 1.02)
    axes.tick_params(axis="y", labelsize=9)
    figure.suptitle(title, fontsize=12)
    return figure


def table_of_models(table: pd.DataFrame) -> pd.DataFrame:
    """The dual encoders: what is known of them, and their scores in percent."""
    scores = {"imagenet": "ImageNet", **analysis.TESTS, **analysis.RETRIEVAL}
    shown = table[["model", "checkpoint", "family"]].copy()
    shown["checkpoint"] = shown["checkpoint"].replace("", "-")
    shown["pairs (million)"] = [_in_millions(value) for value in table["pairs"]]
    shown["parameters (million)"] = [_in_millions(value) for value in table["parameters"]]
    for column, name in scores.items():
        shown[name] = [percent(v) if np.isfinite(v) else "-" for v in table[column]]
    return shown


def _in_millions(value: float) -> str:
    return f"{value / 1e6:,.0f}" if np.isfinite(value) else "-"


def table_of_exclusions() -> pd.DataFrame:
    """What the page leaves out of the two published tables, and why."""
    rows = [("MIEB", model, why) for model, why in mieb.excluded().items()]
    rows += [("OpenCLIP", row.checkpoint, row.excluded) for row in openclip.rows() if row.excluded]
    return pd.DataFrame(rows, columns=["table", "model", "why it is left out"])
