"""Many measures of the embeddings against one accuracy: a row for each way to take them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict

import pandas as pd

from cood.analysis.correlation import correlate, leave_one_out
from cood.analysis.tables import Results
from cood.errors import StudyError

MEASURE = ["space", "measure", "variant"]


def correlate_measures(
    results: Results,
    accuracy: pd.Series,
    measures: Collection[str],
    *,
    split: str,
    set_: str | None = None,
) -> pd.DataFrame:
    """Correlate every variant of the measures, over models, with an accuracy.

    Parameters
    ----------
    results
        The tables of a study.
    accuracy
        Indexed by model.
    measures, split, set_
        Which scores; the study's first set by default.

    Returns
    -------
    pandas.DataFrame
        A row for each `space`, `measure` and `variant`, with the columns of `Correlation`, and
        how far each coefficient moves when any one model is left out: `pearson_min`,
        `pearson_max`, `spearman_min` and `spearman_max`.

    Raises
    ------
    StudyError
        If there is no score of these measures in the split.
    """
    scores, models = results.scores, results.models.set_index("model")
    scores = scores[
        scores["model"].isin(models.index)
        & scores["measure"].isin(measures)
        & (scores["set"] == (set_ or next(iter(results.study.sets))))
        & (scores["split"] == split)
    ]
    if scores.empty:
        raise StudyError(
            f"no scores of {', '.join(measures)} in split {split!r} of study "
            f"{results.study.name}; run the study again"
        )
    y, families = accuracy.reindex(models.index), models["family"]
    rows = []
    for names, group in scores.groupby(MEASURE, sort=False):
        x = group.set_index("model")["value"].reindex(models.index)
        found = correlate(x, y, families, seed=results.study.seed)
        without = leave_one_out(x, y)
        moved = {
            f"{kind}_{end}": getattr(without[kind], end)()
            for kind in without
            for end in ("min", "max")
        }
        rows.append(dict(zip(MEASURE, names, strict=True)) | asdict(found) | moved)
    return pd.DataFrame(rows)
