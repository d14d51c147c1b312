"""The pilot of a design: can its middle be learned, before anything else is looked at."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cood.analysis.results import plain_rows
from cood.design import End, Factor, Levels, Value, corner, middle
from cood.errors import ArtefactError, StudyError
from cood.files import atomic
from cood.settings.study_file import Study, parse_study
from cood.splits import SEEN, UNSEEN

MIDDLE, BEST, WORST = "middle", "best-corner", "worst-corner"
# At which end of its range a factor makes the task easier; others stay at the middle in a corner.
EASIER: dict[str, End] = {
    "share": "high",
    "images": "high",
    "steps": "high",
    "pair_captions": "high",
    "skew": "low",
    "wrong_captions": "low",
}
OPPOSITE: dict[End, End] = {"low": "high", "high": "low"}
LEAST_OBJECT = 0.5  # accuracy of objects, among objects, on the model's own seen compositions
FIRST_SEED = 5001  # of the pilot's models, far from those of a design
HASHED = {"seed", "vocabulary", "core", "sets", "models", "evaluation"}
PASSED, FAILED, OTHER, NOT_RUN = "passed", "failed", "other settings", "not run"


@dataclass(frozen=True)
class Trial:
    """One model of a pilot.

    Attributes
    ----------
    model
        Its name.
    factors
        Its values of the factors.
    gate
        Whether its object accuracy decides: at the middle and at each level, not in the corners.
    object, object_low, object_high
        Accuracy of the object, asked among objects, on held-out drawings of the compositions that
        the model saw, with its interval.
    pair_seen, pair_unseen, pair_unseen_low
        Accuracy of the pair on seen and on unseen compositions, and the lower end of the latter.
    attribute_only
        What the pair accuracy on unseen compositions would be if the model knew the attribute as
        well as it does, and guessed the object.
    """

    model: str
    factors: dict[str, Value]
    gate: bool
    object: float
    object_low: float
    object_high: float
    pair_seen: float
    pair_unseen: float
    pair_unseen_low: float
    attribute_only: float

    @property
    def passed(self) -> bool:
        """Whether it passes its gate; true if it has none."""
        return not self.gate or self.object >= LEAST_OBJECT

    @property
    def at_floor(self) -> bool:
        """Whether it answers no better than from the attribute alone."""
        return not self.pair_unseen_low > self.attribute_only


def pilot_points(study: Study) -> dict[str, tuple[dict[str, Value], bool]]:
    """Values of the factors of each model of the pilot, and whether it has a gate, by name."""
    factors = _factors(study)
    ranges = [factor.name for factor in factors if factor.name in EASIER]
    easier = {name: EASIER[name] for name in ranges}
    harder = {name: OPPOSITE[end] for name, end in easier.items()}
    points = {
        MIDDLE: (middle(factors), True),
        BEST: (corner(factors, easier), False),
        WORST: (corner(factors, harder), False),
    }
    for factor in factors:
        for level in factor.levels[1:] if isinstance(factor, Levels) else ():
            points[level.replace("_", "-")] = (middle(factors, {factor.name: level}), True)
    return points


def _factors(study: Study) -> list[Factor]:
    if study.design is None:
        raise StudyError(
            f"study {study.name} has no design, so there is nothing to pilot; add a section "
            "`design`, or train its models as they are"
        )
    return study.design.factors.as_factors()


def pilot_settings(study: Study) -> dict[str, Any]:
    """Settings of the pilot as a study of its own, as a study file would hold them."""
    points = pilot_points(study)
    usual = study.trained[study.design.names()[0]].model_dump() if study.design else {}
    first = next(iter(study.sets))
    return {
        "name": f"{study.name}-pilot",
        "seed": study.seed,
        "vocabulary": study.vocabulary.model_dump(),
        "core": study.core,
        "sets": {first: study.sets[first].model_dump(mode="json")},
        "models": {
            name: usual | values | {"seed": FIRST_SEED + number}
            for number, (name, (values, _)) in enumerate(points.items())
        },
        "notebooks": {},
    }


def judge(study: Study, tables: Mapping[str, pd.DataFrame]) -> list[Trial]:
    """The trials of a pilot, from the accuracies of its models by name."""
    trials = []
    for model, (values, gate) in pilot_points(study).items():
        plain = plain_rows(tables[model], space="image").set_index(["split", "metric"])
        known = plain.loc[(SEEN, "object_alone_top1")]
        pair, attribute = (
            plain.loc[(UNSEEN, "pair_top1")],
            plain.loc[(UNSEEN, "attribute_alone_top1")],
        )
        trials.append(
            Trial(
                model=model,
                factors=values,
                gate=gate,
                object=float(known["value"]),
                object_low=float(known["low"]),
                object_high=float(known["high"]),
                pair_seen=float(plain.loc[(SEEN, "pair_top1"), "value"]),
                pair_unseen=float(pair["value"]),
                pair_unseen_low=float(pair["low"]),
                attribute_only=float(attribute["value"]) / len(study.vocabulary.objects),
            )
        )
    return trials


def write_record(study: Study, trials: list[Trial], made_with: Mapping[str, Any]) -> Path:
    """Write the record of a pilot; `made_with` says with which versions, where and when."""
    record = {
        "verdict": PASSED if all(trial.passed for trial in trials) else FAILED,
        "least object accuracy": LEAST_OBJECT,
        "settings": _hash(study),
        "revisions of the world": study.design.revisions if study.design else [],
        "made with": dict(made_with),
        "trials": [asdict(trial) for trial in trials],
    }
    file = study.pilot_record
    with atomic(file) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n")
    return file


def read_record(study: Study) -> tuple[str, list[Trial]]:
    """State of the pilot of a study, and its trials.

    The state is `PASSED`, `FAILED`, `OTHER` (it was run with other settings) or `NOT_RUN`.

    Raises
    ------
    ArtefactError
        If the record is damaged.
    """
    file = study.pilot_record
    if not file.is_file():
        return NOT_RUN, []
    try:
        record = json.loads(file.read_text())
        trials = [Trial(**trial) for trial in record["trials"]]
        verdict, settings = record["verdict"], record["settings"]
    except (ValueError, KeyError, TypeError) as error:
        raise ArtefactError(
            f"{file} is damaged ({error}); run `cood pilot --study {study.name}` again"
        ) from error
    return (verdict if settings == _hash(study) else OTHER), trials


def _hash(study: Study) -> str:
    """Of all settings that the pilot depends on, defaults included."""
    pilot = parse_study(pilot_settings(study), where="pilot")
    return hashlib.sha256(pilot.model_dump_json(include=HASHED).encode()).hexdigest()[:16]
