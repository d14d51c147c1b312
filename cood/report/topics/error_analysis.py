"""Accuracy on unseen compositions by category of the attribute."""

from __future__ import annotations

import pandas as pd

from cood.analysis.results import Results, pick
from cood.vocabulary import CATEGORY


def category_grid(results: Results, metric: str) -> pd.DataFrame:
    """Accuracy on unseen compositions, models by attribute categories."""
    categories = dict.fromkeys(CATEGORY[a] for a in results.study.vocabulary.attributes)
    columns = {c: pick(results, split="unseen", metric=metric, category=c) for c in categories}
    return pd.DataFrame({name: column["value"] for name, column in columns.items()})
