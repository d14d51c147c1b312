"""Tables of regressions, for people."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cood.analysis.results import percent
from cood.analysis.stats.regression import Diagnostics, Line, Mixed


def checks(line: Line, found: Diagnostics, within: Mixed) -> pd.DataFrame:
    """What speaks against a line, a row a check; the mixed model has an intercept a family."""
    rows = {"line: slope": str(line.slope), "line: intercept": str(line.intercept)}
    if np.isfinite(found.cook):
        low, high = found.slopes.idxmin(), found.slopes.idxmax()
        slopes = [f"{found.slopes[name]:.2f} (without {name})" for name in (low, high)]
        leverage = f"{found.leverage:.2f}, {found.leverage_model}; mean {2 / line.n:.2f}"
        rows |= {
            "curvature, coefficient of the squared logit": str(found.curvature),
            "the same, p (RESET)": _p(found.curvature.p),
            "normal residuals, p (Jarque and Bera)": _p(found.normal_p),
            "equal spread, p (Breusch and Pagan)": _p(found.spread_p),
            "largest distance of Cook": f"{found.cook:.2f}, {found.cook_model}",
            "slope without that model": f"{found.slope_without:.2f}",
            "largest leverage": leverage,
            "slope without any one family": " to ".join(slopes),
        }
    if np.isfinite(within.slope.value):
        rows |= {
            "mixed model: slope within families": str(within.slope),
            "mixed model: deviation between families": f"{within.between:.2f} logits",
            "mixed model: deviation within a family": f"{within.within:.2f} logits",
            "mixed model: share between families": percent(within.share),
        }
    rows["mixed model: what went wrong"] = within.note or "nothing"
    return pd.DataFrame({"check": list(rows), "found": list(rows.values())})


def _p(value: float) -> str:
    return f"{value:.2g}" if np.isfinite(value) else "-"
