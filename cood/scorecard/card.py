"""What is computed of one model, and of several on the same images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from cood.analysis.results import plain_rows
from cood.evaluation.accuracy.zero_shot import Answers, hits
from cood.evaluation.common.resampling import means_of_finite
from cood.evaluation.common.score_table import ALL, ZERO_SHOT
from cood.metrics import SCORES as METRIC_SCORES
from cood.metrics.printing import wrapped
from cood.scorecard import printing
from cood.scorecard.printing import COMPARED, GEOMETRY
from cood.settings import Evaluation
from cood.vocabulary import Vocabulary

ACCURACY = ("metric", "labels", "value", "low", "high", "chance", "n")
REPRESENTATION = ("space", "metric", "value", "low", "high", "chance", "n", "note")


@dataclass(frozen=True, repr=False)
class Scorecard:
    """The scores of one CLIP on labelled images; `print` shows them in 80 columns.

    Attributes
    ----------
    model
        Its name.
    words
        Attributes and objects; a composition is one of each.
    files
        Name of each image.
    answers
        What the model predicts for each image, as ids of the words.
    scores
        Every score, with the columns of `cood.evaluation.common.score_table.SCORES`.
    dropped
        `file` and `reason` of each file that was not used.
    notes
        What a reader of the scores must know about the model.
    noted
        `file` and `note` of each image whose label or pixels were not plain.
    """

    model: str
    words: Vocabulary
    files: tuple[str, ...]
    answers: Answers = field(repr=False)
    scores: pd.DataFrame = field(repr=False)
    dropped: pd.DataFrame = field(repr=False)
    noted: pd.DataFrame = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def accuracy(self) -> pd.DataFrame:
        """Accuracies: `metric`, `labels`, `value`, `low`, `high`, `chance` and `n`."""
        table = self.scores[self.scores["method"] == ZERO_SHOT]
        return table[list(ACCURACY)].reset_index(drop=True)

    @property
    def representation(self) -> pd.DataFrame:
        """Disentanglement, rank and linear factorisation of the embeddings of both encoders.

        `space` (``image`` or ``text``), `metric`, `value`, `low`, `high`, `chance` (under shuffled
        labels), `n` and `note`.
        """
        table = plain_rows(self.scores, method="")
        table = table[table["metric"].isin((*METRIC_SCORES, *GEOMETRY))]
        return table[list(REPRESENTATION)].reset_index(drop=True)

    @property
    def images(self) -> pd.DataFrame:
        """A row an image: `file`, its `attribute` and `object`, and those that are answered."""
        words, answers = self.words, self.answers
        first = answers.pairs[:, 0]
        names, things = np.array(words.attributes), np.array(words.objects)
        columns = {
            "file": list(self.files),
            "attribute": names[words.attribute_of(answers.truth)],
            "object": things[words.object_of(answers.truth)],
            "answered_attribute": names[words.attribute_of(first)],
            "answered_object": things[words.object_of(first)],
            "right": first == answers.truth,
        }
        return pd.DataFrame(columns)

    def value(self, metric: str, labels: str = ALL) -> float:
        """The value of an accuracy.

        Raises
        ------
        KeyError
            If there is none of that name.
        """
        return float(self.accuracy.set_index(["metric", "labels"]).loc[(metric, labels), "value"])

    def __repr__(self) -> str:
        """The scores in 80 columns."""
        truth = self.answers.truth
        parts = [
            self.model,
            wrapped(printing.words_text(self.words, truth)),
            "Accuracy, with 95 % interval",
            printing.accuracy_text(self.accuracy, self.words.size, len(np.unique(truth))),
            printing.BINDING if "binding" in set(self.accuracy["metric"]) else "",
            "Embeddings: value [95 % interval], and mean under shuffled labels (null)",
            printing.representation_text(self.representation),
            "\n".join(map(wrapped, printing.metric_notes(self.representation))),
            printing.notes_text(self.notes),
            printing.dropped_text(self.dropped),
            printing.noted_text(self.noted),
        ]
        return "\n\n".join(part for part in parts if part)


@dataclass(frozen=True, repr=False)
class Leaderboard:
    """Several models on the same images, the best first.

    Attributes
    ----------
    cards
        A scorecard for each model.
    differences
        `model` minus `against` in `metric`: `value`, `low`, `high` and `n`; images are the same,
        and compositions are resampled together.
    missing
        Models that could not be used, with the reason.
    """

    cards: tuple[Scorecard, ...]
    differences: pd.DataFrame
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def table(self) -> pd.DataFrame:
        """A row a model and accuracy: `model` and the columns of `Scorecard.accuracy`."""
        tables = [card.accuracy.assign(model=card.model) for card in self.cards]
        return pd.concat(tables, ignore_index=True)[["model", *ACCURACY]]

    def __repr__(self) -> str:
        """The accuracies and their differences in 80 columns."""
        best = self.cards[0]
        differences = self.differences[self.differences["model"] == best.model]
        title = f"{best.model} minus the others, in points, on the same images"
        missing = [f"left out: {name}: {reason}" for name, reason in self.missing.items()]
        parts = [
            wrapped(printing.words_text(best.words, best.answers.truth)),
            "Accuracy (%) with 95 % interval, the best pair accuracy first",
            printing.ranking_text(self.table),
            *([wrapped(title)] if len(differences) else []),
            *([printing.differences_text(differences)] if len(differences) else []),
            "\n".join(map(wrapped, missing)),
            *(printing.notes_text(card.notes, card.model) for card in self.cards),
            printing.dropped_text(best.dropped),
            printing.noted_text(best.noted),
        ]
        return "\n\n".join(part for part in parts if part)


def compare(
    cards: Sequence[Scorecard],
    settings: Evaluation,
    seed: int,
    missing: dict[str, str] | None = None,
) -> Leaderboard:
    """Sort models by pair accuracy, and compare each with every one below it.

    Parameters
    ----------
    cards
        Of the same images.
    settings, seed
        Resamples and level of the intervals; seed of the resamples.
    missing
        Models that could not be used, with the reason.
    """
    ranked = sorted(cards, key=lambda card: -card.value("pair_top1"))
    rows = []
    for place, better in enumerate(ranked):
        for other in ranked[place + 1 :]:
            first, second = (_right(card) for card in (better, other))
            estimates = means_of_finite(
                [first[metric] - second[metric] for metric in COMPARED],
                better.answers.truth,
                seed=seed,
                resamples=settings.resamples,
                level=settings.level,
            )
            for metric, estimate in zip(COMPARED, estimates, strict=True):
                named = {"model": better.model, "against": other.model, "metric": metric}
                rows.append(named | vars(estimate))
    columns = ["model", "against", "metric", "value", "low", "high", "n"]
    return Leaderboard(tuple(ranked), pd.DataFrame(rows, columns=columns), missing or {})


def _right(card: Scorecard) -> dict[str, np.ndarray]:
    """1 for a right answer [n] and 0 for a wrong one, by metric."""
    every = np.arange(card.words.size)
    scored = hits(card.answers, card.words, every)
    return {name: np.asarray(right, float) for name, right, _ in scored if name in COMPARED}
