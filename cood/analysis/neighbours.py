"""How near the images of the sets are to training images."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cood.analysis.tables import percent
from cood.files import read_table
from cood.study import Study
from cood.synthesis.compositions import seen

NONE = "This study compares its images with no training images (`neighbours:` in a study file)."


def load_nearest(study: Study) -> pd.DataFrame:
    """A row an image: `set`, `image`, `composition`, `similarity`, `threshold`, `problem`, ....

    Empty if the study compares its images with none. `shown` says whether the model that embedded
    them was trained on their composition: ``seen``, ``unseen``, or ``all`` for other references.
    """
    if study.neighbours is None:
        return pd.DataFrame(columns=["set", "shown", "similarity", "threshold", "problem"])
    table = read_table(study.paths.neighbours)
    if study.neighbours.references is not None:
        return table.assign(shown="all")
    known = seen(study, study.trained[study.neighbours.model].share)
    return table.assign(shown=np.where(table["composition"].isin(known), "seen", "unseen"))


def summary(nearest: pd.DataFrame) -> pd.DataFrame:
    """A row for each set and each value of `shown`: similarities, and how many count as known."""
    rows = []
    for (set_, shown), own in nearest.groupby(["set", "shown"], sort=False):
        low, middle, high = own["similarity"].quantile([0.05, 0.5, 0.95])
        rows.append(
            {
                "set": set_,
                "compositions": shown,
                "images": len(own),
                "lowest 5 %": low,
                "median": middle,
                "highest 5 %": high,
                "copies from": own["threshold"].iloc[0],
                "as near as copies": percent((own["similarity"] >= own["threshold"]).mean()),
            }
        )
    return pd.DataFrame(rows or [{"set": "none", "images": 0}])


def reading(study: Study, nearest: pd.DataFrame) -> str:
    """What the images were compared with, and how to read the table, as a sentence."""
    settings = study.neighbours
    if settings is None:
        return NONE
    problems = [problem for problem in nearest["problem"].unique() if problem]
    if problems:
        return f"The model {settings.model} could not be had: {problems[0]}."
    if settings.references is not None:
        return f"The references are training images embedded by {settings.model}."
    return (
        f"The references are the drawings that {settings.model} was trained on. Drawings of the "
        "compositions that it was trained on should be nearer to them than those of others."
    )
