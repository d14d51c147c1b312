"""Dependence of attribute and object in the captions that each model was trained on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cood.files import read_table
from cood.metrics.captions import caption_nmi
from cood.settings.study_file import Study


def caption_table(study: Study) -> pd.DataFrame:
    """One row per model trained here: `model`, `captions`, each form of the NMI, and a null.

    Only captions that name both words count. `shuffled` is the geometric NMI with the attributes
    shuffled among the captions.
    """
    rows = []
    for name in study.trained:
        captions = read_table(study.paths.model(name) / "captions.parquet")
        named = captions[captions["names"] == "pair"]
        ids = named["captioned"].to_numpy()
        attributes, objects = study.words.attribute_of(ids), study.words.object_of(ids)
        nmi = caption_nmi(attributes, objects)
        shuffled = np.random.default_rng(study.seed).permutation(attributes)
        rows.append(
            {
                "model": name,
                "captions": nmi.n,
                "information": nmi.information,
                "geometric": nmi.geometric,
                "arithmetic": nmi.arithmetic,
                "corrected": nmi.corrected,
                "shuffled": caption_nmi(shuffled, objects).geometric,
            }
        )
    return pd.DataFrame(rows)
