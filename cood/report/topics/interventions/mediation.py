"""How much of the effect of the share of compositions runs through disentanglement."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cood.analysis.topics.interventions.mediation import PARTS
from cood.report.tables.formatting import MISSING, format_estimate

NO_SHARE = (
    "Mediation is not estimated: the study has no design in which the share of compositions varies."
)
TOO_FEW = "Mediation is not estimated: the models are too few for the columns of the design."


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
