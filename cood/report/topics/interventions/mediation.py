"""How much of the effect of the share of compositions runs through disentanglement."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cood.analysis.topics.interventions.mediation import PARTS
from cood.report.plots.style import WIDTH
from cood.report.plots.svg import Label, label_marks
from cood.report.tables.formatting import MISSING, format_estimate

NO_SHARE = (
    "Mediation is not estimated: the study has no design in which the share of compositions varies."
)
TOO_FEW = "Mediation is not estimated: the models are too few for the columns of the design."
LOOKS = {"direct": ("#2b6a99", -0.16, "s"), "indirect": ("#b5446e", 0.16, "o")}


def plot_mediation(table: pd.DataFrame) -> Figure:
    """A row a mediator: the direct and the indirect part of the effect, and the total as a line.

    `table` is what `cood.analysis.topics.interventions.mediation.mediation` returns; if it holds no
    estimate, the figure says why.
    """
    kept = table.dropna(subset=["indirect"]) if len(table) else table
    if kept.empty:
        figure, axes = plt.subplots(figsize=(WIDTH, 1.2))
        why = TOO_FEW if len(table) else NO_SHARE
        axes.text(0.5, 0.5, why, ha="center", va="center", wrap=True, fontsize=10)
        axes.set_axis_off()
        return figure
    figure, axes = plt.subplots(figsize=(WIDTH, 1.8 + 0.42 * len(kept)))
    value, low, high = _three(kept.iloc[0], "total")
    axes.axvspan(low, high, color="0.9", lw=0, zorder=0)
    axes.axvline(value, color="0.5", linewidth=1.2, label="total")
    for part, (colour, shift, marker) in LOOKS.items():
        heights = np.arange(len(kept)) + shift
        values = np.array([_three(row, part) for _, row in kept.iterrows()])
        axes.hlines(heights, values[:, 1], values[:, 2], color=colour, lw=1.5)
        (dots,) = axes.plot(values[:, 0], heights, marker, color=colour, markersize=6, label=part)
        named = zip(kept["mediator"], values, strict=True)
        label_marks(dots, *(Label(name, [part], x=row.tolist()) for name, row in named))
    axes.set_yticks(range(len(kept)), kept["mediator"])
    axes.invert_yaxis()
    axes.axvline(0, color="0.3", linewidth=1)
    axes.grid(axis="y", visible=False)
    axes.set(xlabel="change of C-OoD log odds (y1), share from lower to upper quartile")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    figure.suptitle("Does the effect of the share run through disentanglement?", fontsize=12)
    return figure


def mediation_table(table: pd.DataFrame) -> pd.DataFrame:
    """What `cood.analysis.topics.interventions.mediation.mediation` returns, for readers."""
    if table.empty:
        return pd.DataFrame([{"mediation": NO_SHARE}])
    shown = pd.DataFrame({"mediator": table["mediator"]})
    for part in PARTS:
        shown[part] = [format_estimate(*_three(row, part)) for _, row in table.iterrows()]
    shown["p of the indirect effect"] = [
        f"{p:.2g}" if np.isfinite(p) else MISSING for p in table["p"]
    ]
    for column, heading in (
        ("robustness", "robustness value"),
        ("robustness_significant", "to lose significance"),
    ):
        shown[heading] = [f"{v:.0%}" if np.isfinite(v) else MISSING for v in table[column]]
    return shown


def describe_mediation(table: pd.DataFrame) -> str:
    """How much of the effect of the share runs through disentanglement, as sentences.

    `table` is what `cood.analysis.topics.interventions.mediation.mediation` returns.
    """
    if table.empty:
        return NO_SHARE
    kept = table.dropna(subset=["indirect"])
    if kept.empty:
        return TOO_FEW
    significant = kept[(kept["indirect_low"] > 0) | (kept["indirect_high"] < 0)]
    weakest = kept["robustness"].max()
    sentences = [
        f"Raising the share from its lower to its upper quartile changes C-OoD log odds by "
        f"{format_estimate(*_three(kept.iloc[0], 'total'))} ({int(kept.iloc[0]['n'])} models). "
        f"The indirect effect is significant for {len(significant)} of {len(kept)} mediators."
    ]
    if len(significant):
        low, high = significant["robustness"].min(), significant["robustness"].max()
        span = f"{low:.0%}" if f"{low:.0%}" == f"{high:.0%}" else f"{low:.0%} to {high:.0%}"
        sentences.append(
            f"An unmeasured cause that explains {span} of what is left of both the mediator and "
            "the outcome would explain these effects away."
        )
    else:
        sentences.append(f"The largest robustness value is {weakest:.0%}.")
    return " ".join(sentences)


def _three(row: pd.Series, part: str) -> tuple[float, float, float]:
    return float(row[part]), float(row[f"{part}_low"]), float(row[f"{part}_high"])
