"""A data set: its compositions and images, its verification, and baselines without the object."""

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
from cood.splits import core, seen, times_seen
from cood.synthesis.drawing import icons
from cood.synthesis.manifests import KEPT
from cood.synthesis.notes import note_counts
from cood.vocabulary import category_of

TRAINED_ELSEWHERE = (
    "models that were trained elsewhere, on data that the study does not control; all compositions "
    "count as unseen by decree, whether or not their training data contained them"
)
PREDICTED = {"pair_top1": "pair", "attribute_top1": "attribute", "object_top1": "object"}
SHORTCUTS = (  # baseline, what it names, and how a sentence puts it
    ("text only", "pair", "pairs from the training captions only"),
    ("background only", "attribute", "attributes from the background only"),
    ("background only", "object", "objects from the background only"),
)
ICONS = "icons"  # source of sets of drawings
OUTCOME = "outcome"  # column of `image_outcomes`
REVIEWED = (
    "People answered the same questions about a sample of the images. Kappa is 1 where two raters "
    "always agree, and 0 where they agree as often as expected by chance; its interval comes from "
    "a bootstrap over the `n` images that both rated. *(verifier)* is the model. A fifth of the "
    "sample are decoys: images with a wrong word, which an attentive rater rejects."
)


def describe_study(study: Study) -> str:
    """Whether a study trains its models or tests published ones, as a paragraph."""
    if not study.trained:
        return f"The study tests {TRAINED_ELSEWHERE}."
    n, published = len(study.trained), len(study.models) - len(study.trained)
    which = f"each of {n} models is" if published else "every model is"
    text = (
        "The study asks the questions of the paper; it does not replicate the paper's numbers. "
        "The paper evaluates published models, whose training data can be searched but not "
        f"controlled. Here {which} a small CLIP trained from scratch on captioned drawings, and "
        "the study sets which compositions each of them sees. No drawing of the test set was used "
        "in training."
    )
    return f"{text} The other {published} are {TRAINED_ELSEWHERE}." if published else text


def describe_images(study: Study, name: str) -> str:
    """What one image of a set shows, as sentences."""
    text = "Each image shows one object with one attribute."
    if study.sets[name].source != ICONS:
        return text
    return (
        f"{text} The design, size, rotation, mirroring, position and background of a drawing are "
        "random. Only the object is painted with the attribute."
    )


def describe_draws(study: Study) -> str:
    """What the draws of compositions have in common, as a sentence; empty if there are none."""
    if not study.trained:
        return ""
    return (
        "A composition outside the core is seen by some models and unseen by others. Every "
        "attribute and every object is in all training sets, each with at least two others."
    )


def describe_map(study: Study) -> str:
    """What the colours of `cood.report.plots.gallery.draw_map` mean, as a phrase."""
    if not study.trained:
        return "their number of images"
    return f"how many models are trained on them; {len(core(study)):,} are in the core"


def describe_seen(study: Study) -> str:
    """How many compositions the models of a study see, as sentences."""
    if not study.trained:
        return (
            "No model is trained here, so the study does not know what they saw: all compositions "
            "count as unseen by decree."
        )
    sizes = [len(seen(study, settings)) for settings in study.trained.values()]
    outside = study.words.size - len(core(study))
    numbers = f"{min(sizes):,} to {max(sizes):,}" if len(set(sizes)) > 1 else f"{sizes[0]:,}"
    return (
        f"{len(core(study)):,} of the compositions, the core, are in no training set. Each model "
        f"is trained on a random draw of its own from the other {outside:,}: {numbers} of them."
    )


def composition_notes(study: Study) -> list[str]:
    """How many models see each composition in training, by its id; empty if none is trained."""
    n = len(study.trained)
    if not n:
        return []
    notes = [f"in the training data of {times} of {n} models" for times in times_seen(study)]
    for composition in core(study):
        notes[composition] = "in the core: in no training data"
    return notes


def composition_counts(study: Study, manifest: pd.DataFrame) -> pd.DataFrame:
    """A row an attribute category: attributes, compositions, how many models see them, and images.

    Columns about training sets are left out if no model is trained here.
    """
    words, times = study.words, times_seen(study)
    in_core = np.isin(np.arange(words.size), core(study))
    attribute = np.array(words.attributes)[words.attribute_of(np.arange(words.size))]
    attributes = pd.Series(words.attributes)
    rows = []
    for category, names in attributes.groupby(attributes.map(category_of), sort=False):
        inside = manifest["attribute"].isin(names)
        of_category = np.isin(attribute, names)
        row = {
            "category": category,
            "attributes": ", ".join(names),
            "compositions": int(of_category.sum()),
        }
        if study.trained:
            outside = of_category & ~in_core
            row["in the core"] = int((of_category & in_core).sum())
            mean = times[outside].mean() if outside.any() else np.nan
            row["models that see one outside the core, mean"] = round(float(mean), 1)
        rows.append(row | {"images": int(inside.sum())})
    return pd.DataFrame(rows)


def image_outcomes(manifest: pd.DataFrame) -> pd.DataFrame:
    """How many images of a set were kept, and how many were dropped for each reason.

    `manifest` has all rows, those of dropped images too. A reason is cut at its first colon,
    because the rest may quote a file.
    """
    counted = manifest["status"].str.split(":").str[0].value_counts()
    return counted.rename_axis(OUTCOME).reset_index(name="images")


def verification_funnel(study: Study, name: str) -> pd.DataFrame:
    """From prompt to kept image of a verified set: images and compositions left after each step.

    `share` is the share of the images that the previous step left.
    """
    table = read_table(study.table(name))
    reason = table["status"].str.split(":").str[0]
    is_verified = reason.isin([KEPT, NO_OBJECT, NO_ATTRIBUTE])
    steps = {
        "prompts or files": pd.Series(True, index=table.index),
        "usable images": is_verified | (reason == UNASKED),
        "verified": is_verified,
        "object recognised": reason.isin([KEPT, NO_ATTRIBUTE]),
        "attribute recognised: kept": reason == KEPT,
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


def describe_verification(study: Study, name: str) -> Markdown:
    """How a set was verified, as a paragraph: the model, its thresholds, how reliable it is.

    If CLIP similarities were computed, also how well they separate kept from dropped images.
    """
    settings, table = study.verified(name), read_table(study.table(name))
    table = table[table["object_yes"].notna()]
    mass = table[["object_mass", "attribute_mass"]].median().min()
    text = (
        f"The images were verified by `{settings.model}`: an image is kept if its probability of "
        f"yes is at least {percent(settings.object_threshold)} for the object and "
        f"{percent(settings.attribute_threshold)} for the attribute. In the median image, yes and "
        f"no together had {percent(mass)} of the probability; if that is low, the answers are not "
        "reliable."
    )
    is_kept = table["status"] == KEPT
    has_clip = table["clip"].notna()
    n_kept, n_dropped = (is_kept & has_clip).sum(), (~is_kept & has_clip).sum()
    if n_kept and n_dropped:
        ranks = rankdata(table.loc[has_clip, "clip"])[is_kept[has_clip].to_numpy()].sum()
        area = (ranks - n_kept * (n_kept + 1) / 2) / (n_kept * n_dropped)
        text += (
            f" In {percent(area)} of the pairs of a kept and a dropped image, the kept one is more "
            f"similar to its text by `{settings.clip}`. This is for comparison only: a set chosen "
            "by a CLIP would favour that CLIP."
        )
    return Markdown(text)


def describe_outcomes(outcomes: pd.DataFrame) -> str:
    """How many images were kept, and why the others were dropped, as sentences."""
    counts = outcomes.set_index(OUTCOME)["images"]
    if list(counts.index) == [KEPT]:
        return f"All {counts[KEPT]:,} images were kept."
    dropped = [f"{reason} ({n:,})" for reason, n in counts.items() if reason != KEPT]
    total, kept = counts.sum(), counts[KEPT]
    return f"Of {total:,} images, {kept:,} were kept. Dropped: {', '.join(dropped)}."


def describe_kept(table: pd.DataFrame) -> str:
    """`describe_outcomes` of a table of images, and what was noted of those that were kept.

    `table` has all rows of a manifest. Only imported images have notes.
    """
    text = describe_outcomes(image_outcomes(table))
    if "note" not in table:
        return text
    noted = note_counts(table.loc[table["status"] == KEPT, "note"])
    if noted.empty:
        return text
    kinds = [f"{kind} ({n:,})" for kind, n in noted.items()]
    return f"{text} Noted of kept images: {', '.join(kinds)}."


def icon_designs(study: Study) -> pd.DataFrame:
    """A row an icon design: its licence, and how many objects of the study have glyphs of it."""
    if not any(settings.source == ICONS for settings in study.sets.values()):
        no_design = {"design": "none", "credit": "-", "licence": "-", "objects": 0, "glyphs": 0}
        return pd.DataFrame([no_design])  # a table of the book cannot be empty
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


def baseline_table(results: Results, set_: str) -> pd.DataFrame:
    """A row a baseline and metric: accuracy with interval, chance and number of images."""
    rows = rows_with(results.scores, note=NOTE, set=set_, category=ALL)
    rows = rows[rows["metric"].isin(PREDICTED)]
    # A baseline is fitted to the captions of each model: the most accurate one is shown.
    highest = rows.sort_values("value").groupby(["model", "metric"], sort=False).tail(1)
    return pd.DataFrame(
        {
            "baseline": highest["model"],
            "source": np.where(
                highest["method"] == LINEAR_PROBE,
                "linear probe",
                "captions of " + highest["fitted_on"],
            ),
            "accuracy of": highest["metric"].map(PREDICTED),
            "accuracy": [percent(*v) for v in highest[["value", "low", "high"]].to_numpy()],
            "chance": highest["chance"].map(percent),
            "images": highest["n"].astype(int),
        }
    ).sort_values(["baseline", "accuracy of"], ignore_index=True)


def describe_shortcuts(table: pd.DataFrame) -> str:
    """How well the baselines answer without the object, as a sentence; empty without baselines.

    `table` is what `baseline_table` returns.
    """
    if table.empty:
        return ""
    parts = []
    for baseline, factor, about in SHORTCUTS:
        rows = table[(table["baseline"] == baseline) & (table["accuracy of"] == factor)]
        parts += [
            f"{about} {row['accuracy']} (chance {row['chance']})" for _, row in rows.iterrows()
        ]
    return f"Accuracy without seeing the object: {'; '.join(parts)}."
