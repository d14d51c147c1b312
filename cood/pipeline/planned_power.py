"""What effects the design of a study can show, as text: power of its tests before any result."""

from __future__ import annotations

from cood.analysis.claims.definitions import count_treatments, family_sizes
from cood.analysis.stats.equivalence import MARGIN, equivalence_power, equivalence_reachable
from cood.analysis.stats.power import ENOUGH, SHOWN, power_table
from cood.design import column_names
from cood.settings.design import Design


def power_text(design: Design) -> str:
    """The power of the tests at the first step of Holm's method, and whether "none" can be shown.

    Parameters
    ----------
    design
        The design of the study; models that repeat a point only measure reliability.
    """
    n, columns = design.models, len(column_names(design.factors.as_factors()))
    treatment = design.factors.treatment
    claims = family_sizes(count_treatments(treatment.levels if treatment else ()))
    table = power_table(n, columns, claims)
    lines = [
        f"Power of a test with {n} models, at the first step of Holm's method, by Fisher's "
        "approximation:",
        f"{'claims':14}{'test':26}{'held fixed':>11}"
        + "".join(f"{f'|r| = {r}':>11}" for r in SHOWN)
        + f"{f'|r| with power {ENOUGH}':>21}",
    ]
    for row in table.to_dict("records"):
        lines.append(
            f"{row['family']:10}{row['claims']:>3} {row['test']:26}{row['nuisance']:>11}"
            + "".join(f"{row[f'power at {r}']:>11.2f}" for r in SHOWN)
            + f"{row['detectable']:>21.2f}"
        )
    lines.append(
        "With few models, the test has less power than the approximation: book/power.csv has "
        "measured values."
    )
    return "\n".join([*lines, _no_effect(n)])


def _no_effect(n: int) -> str:
    shown = f'"no relevant effect" (|r| below {MARGIN})'
    if not equivalence_reachable(n):
        return f"The verdict {shown} cannot be reached with {n} models."
    return (
        f"If there is no effect, the verdict {shown} is reached with probability "
        f"{equivalence_power(n):.2f}."
    )
