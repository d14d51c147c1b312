"""Figures of the report: what notebooks draw with."""

from cood.report.plots.heatmaps import correlation_heatmap, heatmap
from cood.report.plots.intervals import bars, curves, interval_rows, strips
from cood.report.plots.scatter import model_scatter
from cood.report.plots.specification import specification_figure
from cood.report.plots.style import SPACES, add_line, percent_axes, set_theme
from cood.report.plots.svg import as_svg

__all__ = [
    "SPACES",
    "add_line",
    "as_svg",
    "bars",
    "correlation_heatmap",
    "curves",
    "heatmap",
    "interval_rows",
    "model_scatter",
    "percent_axes",
    "set_theme",
    "specification_figure",
    "strips",
]
