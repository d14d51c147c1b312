"""Claim C1: models against a guess that knows one of the two words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cood.analysis.claims.claim_tests.accuracy import spread
from cood.analysis.claims.effects import Effect
from cood.analysis.claims.evidence import Evidence, Untestable
from cood.analysis.claims.statistics import FAMILY, MEDIAN, Statistic
from cood.analysis.results import percent
from cood.analysis.stats.estimate import Estimate
from cood.analysis.thresholds import load_thresholds

RESAMPLES = 1000
COLUMNS = ("accuracy minus a guess from one word", "error of that difference")


@dataclass(frozen=True)
class Guessing:
    """Accuracies of models on their unseen compositions, with resamples of the compositions.

    Attributes
    ----------
    accuracy, guess
        Accuracy [m], and that of a guess from one word.
    resampled
        Their difference in resamples of the compositions [b, m].
    """

    accuracy: np.ndarray
    guess: np.ndarray
    resampled: np.ndarray


def one_word(
    counts: pd.DataFrame, sizes: tuple[int, int], seed: int, resamples: int = RESAMPLES
) -> tuple[list[str], Guessing]:
    """Accuracy on unseen compositions, and that of the better guess from one word, by model.

    A model that knows the attribute and guesses among the objects is right as often as it names
    the attribute by itself, divided by the number of objects; likewise for the object. The better
    of the two is chosen anew in each resample.

    Parameters
    ----------
    counts
        Right answers by model and composition, as `load_answer_counts` gives them.
    sizes
        Numbers of attributes and of objects.
    seed, resamples
        Of the resamples of compositions, the same for all models.

    Returns
    -------
    tuple
        Names of the models, and their accuracies.
    """
    unseen = counts[~counts["seen"].to_numpy(bool)]
    wide = {
        name: unseen.pivot(index="composition", columns="model", values=name).fillna(0)
        for name in ("n", "pair", "attribute_alone", "object_alone")
    }
    n = wide["n"].to_numpy(float)
    rng = np.random.default_rng(seed)
    times = rng.multinomial(len(n), np.full(len(n), 1 / len(n)), size=resamples).astype(float)
    weights = np.vstack([np.ones(len(n)), times])
    images = weights @ n
    pair, attribute, object_ = (
        weights @ wide[name].to_numpy(float) / np.maximum(images, 1)
        for name in ("pair", "attribute_alone", "object_alone")
    )
    guess = np.maximum(attribute / sizes[1], object_ / sizes[0])
    return list(wide["n"]), Guessing(pair[0], guess[0], (pair - guess)[1:])


def against_guessing(evidence: Evidence) -> dict[str, Effect]:
    """C1: the median model against a guess from one word, and the spread of the models."""
    words, counts = evidence.results.study.words, evidence.counts
    if counts.empty or counts["seen"].all():
        raise Untestable("The study has no answers to images of unseen compositions.")
    seed = evidence.results.study.seed
    names, found = one_word(counts, (len(words.attributes), len(words.objects)), seed)
    differences = found.accuracy - found.guess
    medians = np.median(found.resampled, axis=1)
    tail = load_thresholds().level / 2
    value = float(np.median(differences))
    low, high = np.quantile(medians, [tail, 1 - tail]).tolist()
    above = (np.sum(medians <= 0) + 1) / (len(medians) + 1)
    below = (np.sum(medians >= 0) + 1) / (len(medians) + 1)
    numbers = pd.DataFrame(
        dict(zip(COLUMNS, (differences, np.std(found.resampled, axis=0)), strict=True)),
        index=pd.Index(names, name="model"),
    ).reindex(evidence.models.index)
    numbers[FAMILY] = evidence.models["family"]
    estimate = Estimate(
        value,
        low,
        high,
        min(1.0, 2 * float(min(above, below))),
        n=len(names),
        families=int(numbers.dropna()[FAMILY].nunique()),
        least=float(np.min(differences)),
        most=float(np.max(differences)),
    )
    better = int(np.sum(np.quantile(found.resampled, tail, axis=0) > 0))
    median = Effect(
        Statistic(MEDIAN, COLUMNS),
        estimate,
        numbers,
        outcome="accuracy",
        chance=float(np.median(found.guess)),
        note=f"The median model has an accuracy of {percent(float(np.median(found.accuracy)))}; "
        f"the median guess from one word has {percent(float(np.median(found.guess)))}. {better} of "
        f"{len(names)} models are better than their guess with their whole interval.",
    )
    return {"median minus guess": median, "best minus worst": spread(evidence)}
