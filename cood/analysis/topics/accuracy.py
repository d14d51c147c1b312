"""CLIPs and image-only encoders, compared by the same linear probes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import t

from cood.analysis.results import Results, plain_rows
from cood.analysis.stats.estimate import Estimate
from cood.analysis.stats.regression import to_logit
from cood.evaluation.common.score_table import ALL, OWN, ZERO_SHOT
from cood.evaluation.linear_probe.linear_probe import HELD_OUT, LINEAR_PROBE, PROBE
from cood.files import read_table
from cood.settings import DURATIONS, UNTRAINED

CLIP = "CLIP"
COLUMNS = {  # of `image_encoder_table`: method, and split
    "ID": (LINEAR_PROBE, PROBE),
    "C-OoD": (LINEAR_PROBE, HELD_OUT),
    "zero-shot C-OoD": (ZERO_SHOT, HELD_OUT),
}
LEAST_FAMILIES = 2  # of each kind, without which there is no comparison


def load_image_encoders(results: Results) -> pd.DataFrame:
    """The table of the image-only encoders of a study; without rows if it has none."""
    if not results.study.image_encoders:
        return pd.DataFrame({"model": [], "learns": [], "family": [], "missing": []}, dtype=str)
    return read_table(results.study.paths.image_encoders)


def image_encoder_table(
    results: Results, metric: str = "pair_top1", labels: str = "all"
) -> pd.DataFrame:
    """A row for each CLIP and image-only encoder: accuracy of its linear probe on the chosen set.

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
        `model`; `trained_on`, ``CLIP`` or what the encoder was trained on; `family`; and, with
        `... low` and `... high`, the accuracies `ID` (held-out images of the compositions that the
        probe was fitted on), `C-OoD` (compositions that the probe was not fitted on) and `zero-shot
        C-OoD` (the same images, classified by texts; NaN without any); `chance` and `n` of C-OoD.
        The CLIPs first, each kind in the order of the study. Empty without image-only encoders.
    """
    encoders = load_image_encoders(results).rename(columns={"learns": "trained_on"})
    if encoders.empty:
        return pd.DataFrame({"model": [], "trained_on": [], "family": []}, dtype=str)
    clips = results.models.assign(trained_on=CLIP)
    keys = ["model", "trained_on", "family"]
    table = pd.concat([clips[keys], encoders[keys]], ignore_index=True).set_index("model")
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
    """Difference in held-out accuracy between CLIPs and image-only encoders at equal ID accuracy.

    Attributes
    ----------
    log_odds
        Log odds of CLIPs minus those of image-only encoders, with interval and p; NaN where there
        are too few families.
    value, low, high
        The same as a difference in accuracy, at the mean ID log odds.
    clips, image_encoders
        Numbers of models.
    clip_families, image_encoder_families
        Numbers of families; the encoders saved from one run of training are a family.
    inside
        Number of image-only encoders within the range of the CLIPs' ID accuracy: if it is 0, the
        comparison is an extrapolation.
    """

    log_odds: Estimate
    value: float
    low: float
    high: float
    clips: int
    image_encoders: int
    clip_families: int
    image_encoder_families: int
    inside: int

    def __str__(self) -> str:
        """The difference with its interval and the numbers of models, as captions give them."""
        numbers = (
            f"{self.clips} CLIPs ({_families(self.clip_families)}) and {self.image_encoders} "
            f"image-only encoders ({_families(self.image_encoder_families)})"
        )
        if np.isnan(self.value):
            return f"not estimable: {numbers} are too few, or do not differ"
        low, high = 100 * self.low, 100 * self.high
        return f"{100 * self.value:+.1f} points [{low:+.1f}, {high:+.1f}], {numbers}"


def _families(n: int) -> str:
    return f"{n} family" if n == 1 else f"{n} families"


def language_gap(table: pd.DataFrame, level: float = 0.95) -> LanguageGap:
    """Compare CLIPs with image-only encoders, by the same probes, at the same ID accuracy.

    The log odds of C-OoD accuracy are modelled as a line in those of ID accuracy with the same
    slope for both kinds and a step between them, by least squares over all encoders. The variance
    of the step is that of the jackknife over families, the sum of the parts of both kinds; the
    interval is Student's with Satterthwaite's degrees of freedom, as there may be few families of
    one kind. The encoders saved from one run of training are a family. Untrained encoders, and
    those trained on the features of a CLIP, are excluded.

    Parameters
    ----------
    table
        What `image_encoder_table` returns.
    level
        Of the interval.
    """
    kept = table[(table["trained_on"] == CLIP) | ~table["trained_on"].str.contains(CLIP)]
    kept = kept[kept["trained_on"] != UNTRAINED]
    if kept.empty:
        return LanguageGap(Estimate(), *(np.nan,) * 3, 0, 0, 0, 0, 0)
    kept = kept.dropna(subset=["ID", "C-OoD"])
    logits = kept[["ID", "C-OoD"]].apply(to_logit).to_numpy(float).reshape(-1, 2)
    clip = (kept["trained_on"] == CLIP).to_numpy(bool)
    families = (kept["trained_on"] + " " + kept["family"]).to_numpy(str)
    groups = [np.unique(families[rows]) for rows in (clip, ~clip)]
    x = logits[:, 0]
    inside = 0
    if clip.any():
        inside = int(((x[~clip] >= x[clip].min()) & (x[~clip] <= x[clip].max())).sum())
    numbers = (int(clip.sum()), int((~clip).sum()), len(groups[0]), len(groups[1]), inside)
    if min(map(len, groups)) < LEAST_FAMILIES or not np.ptp(x):
        return LanguageGap(Estimate(n=len(x)), *(np.nan,) * 3, *numbers)
    start, slope, step = _common_line(logits, clip)
    estimate = _with_interval(step, logits, clip, families, groups, level)
    middle = start + slope * x.mean()
    value, low, high = (
        float(expit(middle + s) - expit(middle)) for s in (step, estimate.low, estimate.high)
    )
    return LanguageGap(estimate, value, low, high, *numbers)


def _common_line(logits: np.ndarray, clip: np.ndarray) -> np.ndarray:
    """Constant, slope and step of the line of log odds [n, 2]."""
    columns = np.column_stack([np.ones(len(logits)), logits[:, 0], clip])
    return np.linalg.lstsq(columns, logits[:, 1], rcond=None)[0]


def _with_interval(
    step: float,
    logits: np.ndarray,
    clip: np.ndarray,
    families: np.ndarray,
    groups: list[np.ndarray],
    level: float,
) -> Estimate:
    without = [
        np.array([_common_line(logits[kept], clip[kept])[2] for kept in families != names[:, None]])
        for names in groups
    ]
    sizes = np.array([len(values) for values in without])
    parts = np.array([((values - step) ** 2).sum() for values in without]) * (sizes - 1) / sizes
    error = float(np.sqrt(parts.sum()))
    every = np.concatenate(without)
    if error == 0:
        low = high = step
        p = 0.0 if step else 1.0
    else:
        df = float(parts.sum() ** 2 / (parts**2 / (sizes - 1)).sum())
        margin = float(t.ppf((1 + level) / 2, df)) * error
        low, high, p = step - margin, step + margin, float(2 * t.sf(abs(step) / error, df))
    ends = float(every.min()), float(every.max())
    return Estimate(
        float(step), float(low), float(high), p, len(logits), int(sizes.sum()), *ends, 1
    )


def about_image_encoders(results: Results) -> str:
    """Which image-only encoders a study has, and which were skipped, as sentences."""
    encoders = load_image_encoders(results)
    if encoders.empty:
        return "The study has no image-only encoder, so there is nothing to compare."
    runs = encoders["model"]
    if "run" in encoders:
        runs = encoders["run"].fillna(runs)
    kinds = runs.groupby(encoders["learns"], sort=False).agg(
        lambda names: ", ".join(names.unique())
    )
    listed = "; ".join(f"{kind} ({names})" for kind, names in kinds.items())
    text = f"The image-only encoders were trained on {listed}."
    if results.study.trained_image_encoders:
        *first, last = DURATIONS
        text += (
            f" Each run of training is saved at an {', a '.join(first)} and the {last} of its "
            "steps, as an encoder each."
        )
    missing = encoders[encoders["missing"] != ""]
    if missing.empty:
        return text
    skipped = "; ".join(f"{row.model} ({row.missing})" for row in missing.itertuples())
    return f"{text} Skipped, because they could not be loaded: {skipped}."
