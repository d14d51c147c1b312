"""Results of many trials as rows of a table of scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from cood.evaluation.common.resampling import Estimate, grouped_means
from cood.settings import Evaluation


@dataclass(frozen=True)
class Outcome:
    """The results of n trials.

    Attributes
    ----------
    metric
        As in the table of scores.
    result
        Hit or miss [n], or a difference of two.
    chance
        Expected result [n] of a guess, or the same number for all; NaN where there is none.
    columns
        What else tells its rows apart, by column of the table of scores.
    """

    metric: str
    result: np.ndarray
    chance: np.ndarray | float = np.nan
    columns: Mapping[str, Any] = field(default_factory=dict)


def summarise(
    outcomes: Sequence[Outcome],
    compositions: np.ndarray,
    splits: Mapping[str, np.ndarray],
    settings: Evaluation,
    seed: int,
) -> pd.DataFrame:
    """Means with intervals from resampling compositions, in each split.

    Parameters
    ----------
    outcomes
        Of the same n trials; all are resampled together.
    compositions
        Composition id [n] that each trial belongs to.
    splits
        Composition ids of each split to report.
    settings, seed
        Resamples and level of the intervals; seed of the resamples.

    Returns
    -------
    pandas.DataFrame
        `metric`, `split`, `value`, `low`, `high`, `chance`, `n`, and the columns of the outcomes.
    """
    rows: list[dict[str, Any]] = []
    done: dict[bytes, list[Estimate]] = {}  # splits may hold the same compositions
    for split, members in splits.items():
        inside = np.isin(compositions, members)
        key = inside.tobytes()
        if key not in done:
            done[key] = grouped_means(
                np.stack([outcome.result[inside] for outcome in outcomes], axis=1),
                compositions[inside],
                seed=seed,
                resamples=settings.resamples,
                level=settings.level,
            )
        for outcome, mean in zip(outcomes, done[key], strict=True):
            chance = np.broadcast_to(outcome.chance, inside.shape)[inside]
            guess = float(chance.mean()) if mean.n else np.nan
            row = {"metric": outcome.metric, "split": split, **outcome.columns}
            rows.append(row | vars(mean) | {"chance": guess})
    return pd.DataFrame(rows)
