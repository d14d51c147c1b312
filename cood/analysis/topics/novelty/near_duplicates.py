"""Near duplicates of the images of the sets among training images."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cood.analysis.results import percent
from cood.files import read_table
from cood.settings.study_file import Study
from cood.splits import seen

NONE = "This study does not compare its images with training images (`near_duplicates:`)."


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
    trained_on = seen(study, study.trained[study.near_duplicates.model].share)
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
    """A row for each set and value of `shown`: similarities, and the share of near duplicates."""
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
                "copies from": own["of_copies"].iloc[0],
                "pairs from": own["of_pairs"].iloc[0],
                "threshold": own["threshold"].iloc[0],
                "near duplicates": percent((own["similarity"] >= own["threshold"]).mean()),
            }
        )
    return pd.DataFrame(rows or [{"set": "none", "images": 0}])


def reading(study: Study, nearest: pd.DataFrame, references: pd.DataFrame) -> str:
    """The references of the comparison, and how to read the table, in a few sentences."""
    settings = study.near_duplicates
    if settings is None:
        return NONE
    problems = [problem for problem in nearest["problem"].unique() if problem]
    if problems:
        return f"The comparison with {settings.model} was not possible: {problems[0]}."
    if settings.references is not None:
        text = [f"The references are training images embedded by {settings.model}."]
    else:
        text = [
            f"The references are the drawings that {settings.model} was trained on. Images of "
            "these compositions should be more similar to them than images of other compositions."
        ]
    pairs = references[references["kind"] == "pairs"]
    if len(pairs):
        text.append(
            f"A second threshold (*pairs from*) comes from {pairs['used'].sum():,} pairs of "
            "duplicates, in addition to that from altered copies; an image counts as a near "
            "duplicate from the lower of the two."
        )
    failed = references[references["problem"] != ""]
    if len(failed):
        first = failed.iloc[0]
        text.append(
            f"Of {len(references)} files, {len(failed)} had problems; the first, "
            f"`{first['file']}`: {first['problem']}."
        )
    return " ".join(text)
