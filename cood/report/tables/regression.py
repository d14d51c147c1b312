"""Tables of regressions for readers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cood.analysis.results import percent
from cood.analysis.stats.regression import Diagnostics, Line, Mixed
from cood.report.tables.formatting import MISSING


def line_checks(line: Line, diagnostics: Diagnostics, within: Mixed) -> pd.DataFrame:
    """Checks of a regression line, a row a check, against which the line may fail.

    Parameters
    ----------
    line, diagnostics
        The line between logits, and what `cood.analysis.stats.regression.diagnose` returns.
    within
        The mixed model with an intercept for each family.
    """
    rows = {"line: slope": str(line.slope), "line: intercept": str(line.intercept)}
    if np.isfinite(diagnostics.cook):
        rows |= _diagnostic_rows(line, diagnostics)
    if np.isfinite(within.slope.value):
        rows |= {
            "mixed model: slope within families": str(within.slope),
            "mixed model: standard deviation between families": f"{within.between:.2f} logits",
            "mixed model: standard deviation within a family": f"{within.within:.2f} logits",
            "mixed model: share of variance between families": percent(within.share),
        }
    rows["mixed model: problems"] = within.note or "none"
    return pd.DataFrame({"check": list(rows), "result": list(rows.values())})


def _diagnostic_rows(line: Line, diagnostics: Diagnostics) -> dict[str, str]:
    slopes = diagnostics.slopes
    extremes = [
        f"{slopes[name]:.2f} (without {name})" for name in (slopes.idxmin(), slopes.idxmax())
    ]
    leverage = diagnostics.leverage
    return {
        "curvature, coefficient of the squared logit": str(diagnostics.curvature),
        "curvature, p (RESET)": _format_p(diagnostics.curvature.p),
        "residuals are normal, p (Jarque-Bera)": _format_p(diagnostics.normal_p),
        "residuals have equal variance, p (Breusch-Pagan)": _format_p(diagnostics.spread_p),
        "largest Cook's distance": f"{diagnostics.cook:.2f}, {diagnostics.cook_model}",
        "slope without that model": f"{diagnostics.slope_without:.2f}",
        "largest leverage": f"{leverage:.2f}, {diagnostics.leverage_model}; mean {2 / line.n:.2f}",
        "range of slopes without one family": " to ".join(extremes),
    }


def _format_p(value: float) -> str:
    return f"{value:.2g}" if np.isfinite(value) else MISSING
