"""Tables of the report, and the sentences that sum them up."""

from cood.report.tables.formatting import (
    format_counts,
    format_estimate,
    format_ratio,
    metric_names,
    output,
    stack_groups,
    styled,
    with_list,
)
from cood.report.tables.models import (
    leaderboard,
    seed_noise,
    skipped_models,
    styled_leaderboard,
)

__all__ = [
    "format_counts",
    "format_estimate",
    "format_ratio",
    "leaderboard",
    "metric_names",
    "output",
    "seed_noise",
    "skipped_models",
    "stack_groups",
    "styled",
    "styled_leaderboard",
    "with_list",
]
