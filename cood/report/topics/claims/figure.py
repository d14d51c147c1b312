"""The figure of the verdicts: every coefficient with its interval."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cood.analysis.claims.effects import Effect
from cood.analysis.claims.rules import CONTRADICTED, NO_EFFECT, SATURATED, SUPPORTED, UNDECIDED
from cood.analysis.claims.verdicts import Verdict
from cood.analysis.thresholds import load_thresholds
from cood.report.topics.claims.formatting import number

# A colour and a marker for each verdict, so that they differ without colour too.
STYLES = {
    SUPPORTED: ("#2b6a99", "o"),
    CONTRADICTED: ("#b5446e", "X"),
    NO_EFFECT: ("#0d8060", "s"),
    SATURATED: ("#9a6a00", "P"),
    UNDECIDED: ("#6f6f6f", "D"),
}
GIVEN = "given the design"


def _coefficients(verdicts: Sequence[Verdict]) -> list[tuple[Verdict, str, Effect]]:
    return [
        (verdict, name, effect)
        for verdict in verdicts
        for name, effect in verdict.effects.items()
        if effect.coefficient
    ]


def described(verdicts: Sequence[Verdict]) -> str:
    """What `forest` shows, in words, for those who cannot see it."""
    rows = [
        f"{verdict.claim.id} {name} {number(effect)}, {verdict.verdict}"
        for verdict, name, effect in _coefficients(verdicts)
    ]
    return f"Correlations of the claims: {'; '.join(rows) or 'none'}"


def forest(verdicts: Sequence[Verdict]) -> Figure:
    """A row a coefficient with its interval, and the same given the design; the margin shaded."""
    rows = _coefficients(verdicts)
    figure, axes = plt.subplots(figsize=(7.2, 1.8 + 0.42 * max(1, len(rows))))
    labelled: set[str] = set()
    margin = load_thresholds().equivalence
    axes.axvspan(-margin, margin, color="0.93", zorder=0)
    for i, (verdict, name, effect) in enumerate(rows):
        _draw_effect(axes, i, verdict, name, effect, labelled)
    axes.axvline(0, color="0.3", linewidth=1)
    axes.set_yticks(range(len(rows)), [f"{v.claim.id}  {name}" for v, name, _ in rows])
    axes.set(xlim=(-1.03, 1.03), ylim=(len(rows) - 0.4, -0.6))
    axes.set_xlabel("correlation (triangle: the side that the claim expects)")
    axes.grid(axis="y", visible=False)
    if rows:
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    return figure


def _draw_effect(
    axes: Axes, row: int, verdict: Verdict, name: str, effect: Effect, labelled: set[str]
) -> None:
    """Draw a coefficient, and below it the one given the design; each label goes in once."""
    estimate = effect.estimate
    colour, marker = STYLES[verdict.verdict]
    side = 1 if verdict.claim.tests[name] == "+" else -1
    axes.plot(side, row, ">" if side > 0 else "<", color="0.6", markersize=6, clip_on=False)
    y = row - 0.12
    label = None if verdict.verdict in labelled else verdict.verdict
    labelled.add(verdict.verdict)
    axes.hlines(y, estimate.low, estimate.high, color=colour, linewidth=2.2)
    axes.plot(estimate.value, y, marker, color=colour, markersize=7, label=label)
    given = effect.given_design
    if not np.isfinite(given.value):
        return
    y = row + 0.2
    label = None if GIVEN in labelled else GIVEN
    labelled.add(GIVEN)
    axes.hlines(y, given.low, given.high, color="0.55", linewidth=1)
    axes.plot(
        given.value, y, "d", color="white", markeredgecolor="0.35", markersize=4.5, label=label
    )
