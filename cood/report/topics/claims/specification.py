"""Specification curves of the claims: a table of all, and the figure of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from pandas.io.formats.style import Styler

from cood.analysis.claims.choices import curve_of
from cood.analysis.claims.evidence import Evidence
from cood.analysis.claims.verdicts import Verdict
from cood.analysis.specification import SpecificationCurve
from cood.errors import check_choice
from cood.report.plots.specification import specification_figure
from cood.report.topics.claims.formatting import number, probability, span, table

Curves = Mapping[tuple[str, str], SpecificationCurve]


def curves(
    verdicts: Sequence[Verdict], evidence: Evidence
) -> dict[tuple[str, str], SpecificationCurve]:
    """The curve of each test that is an association, by claim and name of the test."""
    found = {}
    for verdict in verdicts:
        for name, effect in verdict.effects.items():
            curve = curve_of(evidence, verdict.claim.id, effect, verdict.claim.tests[name])
            if curve is not None:
                found[verdict.claim.id, name] = curve
    return found


def specifications(verdicts: Sequence[Verdict], found: Curves) -> Styler:
    """A row a test: how many specifications, the share with the expected sign, median and p."""
    registered = {(v.claim.id, name): e for v in verdicts for name, e in v.effects.items()}
    rows = [
        {
            "claim": claim,
            "statistic": name,
            "registered": number(registered[claim, name]),
            "specifications": f"{len(curve.table)}",
            "with the expected sign": f"{100 * curve.share:.0f} %",
            "median": f"{curve.median:.2f}",
            "lowest to highest": span(curve.table["value"].min(), curve.table["value"].max()),
            "p of the median": probability(curve.p),
        }
        for (claim, name), curve in found.items()
    ]
    return table(rows or [{"claim": "no test is an association"}], "intervals")


def specification_curve_of(verdicts: Sequence[Verdict], found: Curves, claim: str) -> Figure | None:
    """The figure of the first test of a claim; None if no test of it is an association here.

    Raises
    ------
    NotebookError
        If there is no such claim.
    """
    titles = {verdict.claim.id: verdict.claim.title for verdict in verdicts}
    check_choice("claim", claim, titles)
    for (name, test), curve in found.items():
        if name == claim:
            question = f"{claim}, {titles[claim]}: does it depend on how it is computed ({test})?"
            return specification_figure(curve, question)
    return None
