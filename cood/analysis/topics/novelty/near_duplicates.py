"""Near duplicates of the images of the sets among training images."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cood.analysis.results import percent
from cood.files import read_table
from cood.settings.study_file import Study
from cood.splits import seen


def load_nearest(study: Study) -> pd.DataFrame:
    """A row an image: `set`, `image`, `composition`, `similarity`, `threshold`, `problem`, ....

    Empty if the study makes no such comparison. `shown` says whether the model that embedded the
    images was trained on their composition: ``seen`` or ``unseen``; ``all`` for other references.
    """
    if study.near_duplicates is None:
        return pd.DataFrame(columns=["set", "shown", "similarity", "threshold", "problem"])
    table = read_table(study.paths.near_duplicates)
    if study.near_duplicates.references is not None:
        return table.assign(shown="all")
    trained_on = seen(study, study.trained[study.near_duplicates.model])
    return table.assign(shown=np.where(table["composition"].isin(trained_on), "seen", "unseen"))


def load_references(study: Study) -> pd.DataFrame:
    """A row a file that the images were compared with: `file`, `kind`, `used`, `problem`.

    `kind` is ``references`` or, for pairs of duplicates, ``pairs``; `used` counts vectors or pairs.
    Empty if the study makes no such comparison.
    """
    if study.near_duplicates is None:
        return pd.DataFrame(columns=["file", "kind", "used", "problem"])
    return read_table(study.paths.references)


def summary(nearest: pd.DataFrame) -> pd.DataFrame:
    """A row for each set and each value of `shown`: similarities, and the share of duplicates."""
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
                "threshold of copies": own["of_copies"].iloc[0],
                "threshold of pairs": own["of_pairs"].iloc[0],
                "threshold": own["threshold"].iloc[0],
                "duplicates": percent((own["similarity"] >= own["threshold"]).mean()),
            }
        )
    return pd.DataFrame(rows or [{"set": "none", "images": 0}])
