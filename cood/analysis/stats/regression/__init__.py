"""Regression of accuracy out of distribution on accuracy in distribution, by statsmodels.

Models of one family are not independent, so standard errors are robust to dependence within
families (Liang and Zeger 1986, doi:10.1093/biomet/73.1.13) and intervals take t with one degree of
freedom less than families.
"""

from cood.analysis.stats.regression.diagnostics import Diagnostics, diagnose
from cood.analysis.stats.regression.least_squares import Regression, regress
from cood.analysis.stats.regression.line import Line, effective_robustness, fit_line, to_logit
from cood.analysis.stats.regression.mixed_model import Mixed, mixed

__all__ = [
    "Diagnostics",
    "Line",
    "Mixed",
    "Regression",
    "diagnose",
    "effective_robustness",
    "fit_line",
    "mixed",
    "regress",
    "to_logit",
]
