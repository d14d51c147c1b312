"""Diversity of training captions, and what it cannot be told apart from."""

from __future__ import annotations

import numpy as np
import pandas as pd

SHARE = "share"


def describe_share(nmi: pd.Series, models: pd.DataFrame) -> str:
    """How closely the NMI of captions follows the share of compositions, as a sentence.

    Parameters
    ----------
    nmi
        By model.
    models
        Table of models that are trained here.
    """
    share = models.set_index("model")[SHARE].reindex(nmi.index)
    if len(nmi) < 3 or share.nunique() < 2 or nmi.nunique() < 2:
        return "The models do not differ in the share of compositions that they see."
    r = np.corrcoef(nmi, np.log(share.astype(float)))[0, 1]
    return (
        f"NMI and the logarithm of the share of compositions that a model sees correlate at "
        f"{r:.2f}, so this correlation alone cannot tell diversity from the share."
    )
