"""CLIPs and image-only encoders, compared by the same linear probes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from cood.analysis.results import Results, plain_rows
from cood.evaluation.common.score_table import ALL, OWN, ZERO_SHOT
from cood.evaluation.linear_probe.linear_probe import HELD_OUT, LINEAR_PROBE, PROBE
from cood.files import read_table
from cood.settings import UNTRAINED

CLIP = "CLIP"
COLUMNS = {  # of `image_encoder_table`: method, and split
    "ID": (LINEAR_PROBE, PROBE),
    "C-OoD": (LINEAR_PROBE, HELD_OUT),
    "zero-shot C-OoD": (ZERO_SHOT, HELD_OUT),
}
EDGE = 5e-5  # accuracies of 0 and 1 are moved by so much, as logits need it


def known_image_encoders(results: Results) -> pd.DataFrame:
    """What is known of the image-only towers of a study: empty, with `model`, if it has none."""
    if not results.study.image_encoders:
        return pd.DataFrame({"model": [], "learns": [], "family": [], "missing": []}, dtype=str)
    return read_table(results.study.paths.image_encoders)


def image_encoder_table(
    results: Results, metric: str = "pair_top1", labels: str = "all"
) -> pd.DataFrame:
    """A row a CLIP and an image-only tower: accuracy of its linear probe, on the chosen set.

    Parameters
    ----------
    results
        The tables of a study.
    metric
        As in `cood.evaluation.accuracy.zero_shot`, such as ``pair_top1`` or ``object_top1``.
    labels
        ``all`` compositions as labels, or, for C-OoD, the held-out ones only (``own``).

    Returns
    -------
    pandas.DataFrame
        `model`; `tower`, which is ``CLIP`` or what the tower learned from; `family`; and, with
        `... low` and `... high`, the accuracies `ID` (other images of the compositions that the
        probe was fitted on), `C-OoD` (compositions held out of it) and `zero-shot C-OoD` (those
        answered by texts; NaN without any); `chance` and `n` of C-OoD. The CLIPs first, each kind
        in the order of the study. Empty without image-only towers.
    """
    towers = known_image_encoders(results).rename(columns={"learns": "tower"})
    if towers.empty:
        return pd.DataFrame({"model": [], "tower": [], "family": []}, dtype=str)
    clips = results.models.assign(tower=CLIP)
    keys = ["model", "tower", "family"]
    table = pd.concat([clips[keys], towers[keys]], ignore_index=True).set_index("model")
    for name, (method, split) in COLUMNS.items():
        columns = {"set": results.set, "metric": metric, "method": method, "split": split}
        columns |= {"labels": OWN if labels != ALL and split == HELD_OUT else ALL}
        rows = plain_rows(results.scores, **columns).set_index("model")
        for column, of in ((name, "value"), (f"{name} low", "low"), (f"{name} high", "high")):
            table[column] = rows[of].reindex(table.index)
        if name == "C-OoD":
            table[["chance", "n"]] = rows[["chance", "n"]].reindex(table.index)
    return table.dropna(subset=["C-OoD"]).reset_index()


@dataclass(frozen=True)
class LanguageGap:
    """How much better CLIP towers do on held-out compositions at the same ID accuracy.

    Attributes
    ----------
    value, low, high, p
        Difference in accuracy, CLIPs less image-only towers, with its 95 % interval, and p; NaN
        where there are too few families.
    clips, towers
        Numbers of models.
    clip_families, image_encoder_families
        Numbers of families, whose means are compared.
    inside
        How many of the image-only families lie within the range of the CLIPs' ID accuracy: where
        it is 0, the comparison rests on a line that was drawn beyond what was seen.
    """

    value: float
    low: float
    high: float
    p: float
    clips: int
    towers: int
    clip_families: int
    image_encoder_families: int
    inside: int

    def __str__(self) -> str:
        """The difference with its interval and the numbers of models, as captions give them."""
        numbers = (
            f"{self.clips} CLIPs of {self.clip_families} families and {self.towers} image-only "
            f"encoders of {self.image_encoder_families}"
        )
        if np.isnan(self.value):
            return f"not estimable: {numbers} are too few, or do not differ"
        low, high = 100 * self.low, 100 * self.high
        return f"{100 * self.value:+.1f} points [{low:+.1f}, {high:+.1f}], {numbers}"


def language_gap(table: pd.DataFrame, level: float = 0.95) -> LanguageGap:
    """Compare CLIPs with image-only towers, read by the same probes, at the same ID accuracy.

    The logit of C-OoD accuracy is taken to be a line in that of ID accuracy, the same for both
    kinds but for a step, and fitted by least squares to the means of families (of image-only
    towers: of the same family that learned from the same); the interval is Student's. The step
    is given as a difference in accuracy at the mean ID accuracy. NullModel towers, and those that
    learned from the features of a CLIP, take no part.

    Parameters
    ----------
    table
        What `image_encoder_table` returns.
    level
        Of the interval.
    """
    import statsmodels.api as sm

    nothing = (np.nan,) * 4
    kept = table[(table["tower"] == CLIP) | ~table["tower"].str.contains(CLIP)]
    kept = kept[kept["tower"] != UNTRAINED]
    if kept.empty:
        return LanguageGap(*nothing, 0, 0, 0, 0, 0)
    both = kept[["ID", "C-OoD"]].clip(EDGE, 1 - EDGE).apply(logit)
    means = both.groupby([kept["tower"], kept["family"]]).mean().dropna()
    language = means.index.get_level_values("tower") == CLIP
    x, y = means["ID"].to_numpy(), means["C-OoD"].to_numpy()
    others = x[~language]
    inside = 0
    if language.any():
        inside = int(((others >= x[language].min()) & (others <= x[language].max())).sum())
    numbers = (
        *(int((kept["tower"] == CLIP).sum()), int((kept["tower"] != CLIP).sum())),
        *(int(language.sum()), int((~language).sum()), inside),
    )
    if min(numbers[2:4]) < 2 or len(x) < 4 or not np.ptp(x):
        return LanguageGap(*nothing, *numbers)
    fit = sm.OLS(y, np.column_stack([np.ones(len(x)), x, language.astype(float)])).fit()
    start, slope, step = fit.params
    bounds = fit.conf_int(1 - level)[2]
    middle = start + slope * x.mean()
    value, low, high = (float(expit(middle + s) - expit(middle)) for s in (step, *bounds))
    return LanguageGap(value, low, high, float(fit.pvalues[2]), *numbers)


def about_image_encoders(results: Results) -> str:
    """Which image-only encoders a study has, and which were skipped, as sentences."""
    encoders = known_image_encoders(results)
    if encoders.empty:
        return "The study has no image-only encoder, so there is nothing to compare."
    kinds = encoders.groupby("learns", sort=False)["model"].agg(", ".join)
    listed = "; ".join(f"from {kind} ({names})" for kind, names in kinds.items())
    text = f"The image-only encoders learned {listed}."
    missing = encoders[encoders["missing"] != ""]
    if missing.empty:
        return text
    skipped = "; ".join(f"{row.model} ({row.missing})" for row in missing.itertuples())
    return f"{text} Skipped, because they could not be loaded: {skipped}."
