"""The page on interventions: edits of embeddings, and mediation of the effect of the share."""

from cood.report.topics.interventions.effects import (
    check_table,
    choose_dose,
    count_table,
    describe_agreement,
    describe_checks,
    describe_effects,
    describe_rotation,
    describe_samples,
    effect_table,
    plot_dose_response,
    plot_effects,
    select_edits,
)
from cood.report.topics.interventions.mediation import (
    NO_SHARE,
    TOO_FEW,
    describe_mediation,
    mediation_table,
)

__all__ = [
    "NO_SHARE",
    "TOO_FEW",
    "check_table",
    "choose_dose",
    "count_table",
    "describe_agreement",
    "describe_checks",
    "describe_effects",
    "describe_mediation",
    "describe_rotation",
    "describe_samples",
    "effect_table",
    "mediation_table",
    "plot_dose_response",
    "plot_effects",
    "select_edits",
]
