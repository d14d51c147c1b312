"""What the models of a study are compared by: log odds on seen and on unseen compositions."""

from cood.analysis.outcomes.tables import (
    crossed_outcomes,
    empirical_logit,
    fit_outcomes,
    outcomes,
    study_counts,
)

__all__ = ["crossed_outcomes", "empirical_logit", "fit_outcomes", "outcomes", "study_counts"]
