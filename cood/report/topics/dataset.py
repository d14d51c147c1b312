"""Tables and sentences about a data set: its counts, how it was verified, what gives it away."""

from __future__ import annotations

import numpy as np
import pandas as pd
from IPython.display import Markdown
from scipy.stats import rankdata

from cood.analysis.results import Results, percent, rows_with
from cood.curation.verification.verify import NO_ATTRIBUTE, NO_OBJECT, UNASKED
from cood.evaluation.accuracy.baselines import LINEAR_PROBE, NOTE
from cood.evaluation.common.score_table import ALL
from cood.files import read_table
from cood.settings.study_file import Study
from cood.splits import splits
from cood.synthesis.drawing import icons
from cood.synthesis.manifests import KEPT
from cood.vocabulary import CATEGORY


def counts(study: Study, manifest: pd.DataFrame) -> pd.DataFrame:
    """A row an attribute category: attributes, compositions by split, and images."""
    words = study.words
    split = splits(study)
    named = np.array(words.attributes)[words.attribute_of(np.arange(words.size))]
    attributes = pd.Series(words.attributes)
    rows = []
    for category, names in attributes.groupby(attributes.map(CATEGORY), sort=False):
        inside = manifest["attribute"].isin(names)
        of_category = np.isin(named, names)
        here = pd.Series(split)[of_category].value_counts()
        rows.append(
            {
                "category": category,
                "attributes": ", ".join(names),
                "compositions": int(here.sum()),
                "in every training set": int(here.get("shared", 0)),
                "in some": int(here.get("partial", 0)),
                "in none": int(here.get("unseen", 0)),
                "images": int(inside.sum()),
            }
        )
    return pd.DataFrame(rows)


def outcomes(manifest: pd.DataFrame) -> pd.DataFrame:
    """What became of the images of a set: how many were kept, and were not for which reason.

    `manifest` holds all rows, those that were not kept too. Of a reason, the part before the colon
    counts: the rest may quote a file.
    """
    counted = manifest["status"].str.split(":").str[0].value_counts()
    return counted.rename_axis("what became of them").reset_index(name="images")


def funnel(study: Study, name: str) -> pd.DataFrame:
    """From prompt to kept image: a row a step, with what it leaves of images and compositions.

    Of a set that is verified. `share` is that of the images that the step before left.
    """
    table = read_table(study.table(name))
    reason = table["status"].str.split(":").str[0]
    asked_about = reason.isin([KEPT, NO_OBJECT, NO_ATTRIBUTE])
    steps = {
        "prompts or files": pd.Series(True, index=table.index),
        "images that can be used": asked_about | (reason == UNASKED),
        "asked about": asked_about,
        "object seen": reason.isin([KEPT, NO_ATTRIBUTE]),
        "attribute seen: kept": reason == KEPT,
    }
    rows = pd.DataFrame(
        {
            "step": step,
            "images": int(left.sum()),
            "compositions": table.loc[left & (table["composition"] >= 0), "composition"].nunique(),
        }
        for step, left in steps.items()
    )
    before = rows["images"].shift().fillna(rows["images"])
    return rows.assign(share=rows["images"] / before)


REVIEWED = (
    "Persons were asked the same of a sample of the images. Kappa is 1 where two always agree, and "
    "0 where they agree as often as by chance; its interval is that of a bootstrap over the `n` "
    "images that both answered. *(verifier)* is the model. A fifth of the sample are decoys, "
    "images with a wrong word, which one who looks must refuse."
)


def verification(study: Study, name: str) -> Markdown:
    """How a set was verified, as a paragraph: the model, the thresholds, how sure the answers are.

    And how far the cosine of CLIP, if it was taken, tells kept images from dropped ones.
    """
    settings, table = study.verified(name), read_table(study.table(name))
    table = table[table["object_yes"].notna()]
    mass = table[["object_mass", "attribute_mass"]].median().min()
    text = (
        f"The images were verified by `{settings.model}`, which must give yes at least "
        f"{percent(settings.object_threshold)} for the object and "
        f"{percent(settings.attribute_threshold)} for the attribute. Yes and no together had "
        f"{percent(mass)} of its probability in the median image; where that is low, the answers "
        "mean little."
    )
    kept = table["status"] == KEPT
    known = table["clip"].notna()
    if (kept & known).any() and (~kept & known).any():
        n, m = (kept & known).sum(), (~kept & known).sum()
        ranks = rankdata(table.loc[known, "clip"])[kept[known].to_numpy()].sum()
        area = (ranks - n * (n + 1) / 2) / (n * m)
        text += (
            f" The cosine of `{settings.clip}` is higher for a kept image than for a dropped one "
            f"in {percent(area)} of such pairs; it is for comparison only, as a set chosen by a "
            "CLIP would favour that CLIP."
        )
    return Markdown(text)


def kept(outcomes: pd.DataFrame) -> str:
    """How many images were kept, and why others were not, as a sentence."""
    counted = outcomes.set_index("what became of them")["images"]
    if list(counted.index) == ["kept"]:
        return f"All {counted['kept']:,} images were kept."
    dropped = [f"{reason} ({n:,})" for reason, n in counted.items() if reason != "kept"]
    whole = f"Of {counted.sum():,} images, {counted['kept']:,} were kept"
    return f"{whole}. The others were not, for these reasons: {', '.join(dropped)}."


def designs(study: Study) -> pd.DataFrame:
    """A row an icon design: its licence, and how many objects and glyphs of the study it draws."""
    if not any(settings.source == "icons" for settings in study.sets.values()):
        none = {"design": "none", "credit": "-", "licence": "-", "objects": 0, "glyphs": 0}
        return pd.DataFrame([none])  # a table of the book cannot be empty
    drawn = {name: icons.get_icon(name) for name in study.vocabulary.objects}
    rows = []
    for key, design in icons.designs().items():
        glyphs = [sum(k == key for k, _ in icon.glyphs) for icon in drawn.values()]
        rows.append(
            {
                "design": design.name,
                "credit": design.credit,
                "licence": design.licence,
                "objects": sum(n > 0 for n in glyphs),
                "glyphs": sum(glyphs),
            }
        )
    table = pd.DataFrame(rows)
    return table[table["glyphs"] > 0].reset_index(drop=True)


PREDICTED = {"pair_top1": "pair", "attribute_top1": "attribute", "object_top1": "object"}


def baselines(results: Results, set_: str) -> pd.DataFrame:
    """A row a baseline and metric: accuracy with interval, chance and number of images."""
    rows = rows_with(results.scores, note=NOTE, set=set_, category=ALL)
    rows = rows[rows["metric"].isin(PREDICTED)]
    # The captions of many models say the same: the one that comes furthest stands for all.
    worst = rows.sort_values("value").groupby(["model", "metric"], sort=False).tail(1)
    return pd.DataFrame(
        {
            "baseline": worst["model"],
            "from": np.where(
                worst["method"] == LINEAR_PROBE, "linear probe", "captions of " + worst["fitted_on"]
            ),
            "accuracy of": worst["metric"].map(PREDICTED),
            "accuracy": [percent(*v) for v in worst[["value", "low", "high"]].to_numpy()],
            "chance": worst["chance"].map(percent),
            "images": worst["n"].astype(int),
        }
    ).sort_values(["baseline", "accuracy of"], ignore_index=True)


def headline(table: pd.DataFrame, baseline: str, factor: str) -> str:
    """One line of `baselines` as text, with its chance level."""
    rows = table[(table["baseline"] == baseline) & (table["accuracy of"] == factor)]
    if rows.empty:
        return "not measured: no model of the study was trained here"
    return "{accuracy}, chance {chance}".format(**rows.iloc[0])
