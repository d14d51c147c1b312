"""The section `design`: models that are points of an experiment, drawn over factors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field, FiniteFloat, model_validator

from cood.design import Dose, Factor, Levels, Range, Value, column_names
from cood.errors import unknown
from cood.settings.base import Settings
from cood.settings.models import PENALTIES, PLACEBO, TREATMENTS

Point = dict[str, Value]  # by name of a factor, its value for one model

MOST_MODELS = 1000
MOST_REVISIONS = 2
COLUMNS_TO_MODELS = 2  # models for each column of the design, at least
REPLICATE = "-replicate"  # ends the name of a model that is trained once more
REPLICATE_SEED = MOST_MODELS  # is added to the number of a point, so that no two seeds are equal


class NumberRange(Settings):
    """A range of numbers, spread evenly over their logarithms if `log`."""

    low: FiniteFloat
    high: FiniteFloat
    log: bool = False
    whole: ClassVar[bool] = False

    @model_validator(mode="after")
    def _upright(self) -> NumberRange:
        if not self.low < self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}; exchange them")
        if self.log and self.low <= 0:
            raise ValueError(
                f"low: {self.low:g} has no logarithm; raise it above 0 or leave log out"
            )
        return self

    def as_range(self, name: str) -> Range:
        """The range as the design draws it."""
        return Range(name, self.low, self.high, log=self.log, whole=self.whole)


class WholeRange(NumberRange):
    """A range of whole numbers."""

    low: int
    high: int
    whole: ClassVar[bool] = True


class LevelList(Settings):
    """The levels of a categorical factor; the others are compared with the first."""

    levels: list[str]

    @model_validator(mode="after")
    def _different(self) -> LevelList:
        twice = [level for level in self.levels if self.levels.count(level) > 1]
        if twice:
            raise ValueError(f"levels: {twice[0]!r} is listed twice; list it once")
        if len(self.levels) < 2:
            raise ValueError(
                f"levels: a factor needs two or more, got {len(self.levels)}; put a setting that "
                "does not vary under defaults"
            )
        return self


class Factors(Settings):
    """What varies over the models: settings of training, each with its range or its levels.

    `strength` is that of the penalty of the treatment: a range for each penalty, which its placebo
    shares. Without a penalty, it is 0.
    """

    share: NumberRange | None = None
    images: WholeRange | None = None
    steps: WholeRange | None = None
    skew: NumberRange | None = None
    wrong_captions: NumberRange | None = None
    pair_captions: NumberRange | None = None
    learning_rate: NumberRange | None = None
    embed_dim: WholeRange | None = None
    image_tower: LevelList | None = None
    text_tower: LevelList | None = None
    loss: LevelList | None = None
    set: LevelList | None = None
    treatment: LevelList | None = None
    strength: dict[str, NumberRange] | None = None

    @model_validator(mode="after")
    def _doses(self) -> Factors:
        arms = self.treatment.levels if self.treatment else []
        for arm in arms:
            if arm not in TREATMENTS:
                raise ValueError(f"treatment.levels: {unknown('treatment', arm, TREATMENTS)}")
        strength = self.strength or {}
        for penalty in strength:
            if penalty not in PENALTIES:
                raise ValueError(f"strength: {unknown('penalty', penalty, PENALTIES)}")
            if not _arms(penalty, arms):
                raise ValueError(
                    f"strength.{penalty}: no level of treatment has this penalty; add "
                    f"{penalty} to treatment.levels or leave the range out"
                )
        for penalty in PENALTIES:
            if _arms(penalty, arms) and penalty not in strength:
                raise ValueError(
                    f"strength: {penalty} is a level of treatment and has no range here; add "
                    f"strength: {{{penalty}: {{low: ..., high: ..., log: true}}}}"
                )
        return self

    @model_validator(mode="after")
    def _some(self) -> Factors:
        if not self.as_factors():
            raise ValueError(f"at least one is needed; known: {', '.join(FACTORS)}")
        return self

    def as_factors(self) -> list[Factor]:
        """The factors as the design draws them, in the order of the fields above."""
        factors: list[Factor] = []
        for name in FACTORS:
            setting = getattr(self, name)
            if isinstance(setting, NumberRange):
                factors.append(setting.as_range(name))
            elif isinstance(setting, LevelList):
                factors.append(Levels(name, tuple(setting.levels)))
        if self.treatment and self.strength:
            levels = self.treatment.levels
            arms = tuple((r.as_range(p), _arms(p, levels)) for p, r in self.strength.items())
            factors.append(Dose("strength", "treatment", arms))
        return factors


FACTORS = tuple(Factors.model_fields)  # names that a factor may have


def _arms(penalty: str, levels: Sequence[str]) -> tuple[str, ...]:
    """Levels of the treatment that a penalty has: itself and its placebo."""
    return tuple(level for level in levels if level.removesuffix(PLACEBO) == penalty)


class Design(Settings):
    """An experiment over models that are trained here; they are named ``m001``, ``m002``, ...

    Attributes
    ----------
    models
        Number of points, each of which is a model.
    seed
        Of the points. A model has a seed of its own.
    replicates
        So many points, the first ones, are trained once more, with other seeds.
    revisions
        The reason for each change of the factors or of the world after a pilot.
    factors
        What varies, over which values.
    """

    models: Annotated[int, Field(ge=1, le=MOST_MODELS)]
    seed: Annotated[int, Field(ge=0)]
    replicates: Annotated[int, Field(ge=0)] = 0
    revisions: list[Annotated[str, Field(min_length=1)]] = Field(default_factory=list)
    factors: Factors

    @model_validator(mode="after")
    def _sizes(self) -> Design:
        columns = len(column_names(self.factors.as_factors()))
        needed = COLUMNS_TO_MODELS * columns
        if self.models < needed:
            raise ValueError(
                f"models: {self.models} are too few for the {columns} columns of the design; at "
                f"least {needed} are needed, or fewer factors"
            )
        if self.replicates > self.models:
            raise ValueError(
                f"replicates: {self.replicates} is more than the {self.models} models; at most all "
                "can be trained once more"
            )
        if len(self.revisions) > MOST_REVISIONS:
            raise ValueError(
                f"revisions: {len(self.revisions)} are listed, and {MOST_REVISIONS} are allowed, "
                "because a design that is revised until it pleases tests nothing; start a new study"
            )
        return self

    def names(self, prefix: str = "m") -> list[str]:
        """Names of the models, without those that are trained once more."""
        return [model_name(number, prefix) for number in range(1, self.models + 1)]


def model_name(number: int, prefix: str = "m") -> str:
    """Name of the model at a point; the first has number 1.

    Examples
    --------
    >>> model_name(7)
    'm007'
    """
    return f"{prefix}{number:03d}"


def expand(
    design: Design, points: Sequence[Mapping[str, Any]], prefix: str = "m"
) -> dict[str, dict[str, Any]]:
    """Settings of each model of a design by name: the values of the factors, and a seed.

    Parameters
    ----------
    design
        The section of the study file.
    points
        The value of each factor, for each model.
    prefix
        Of the names.

    Returns
    -------
    dict
        By name of a model, its settings of training; all others are those of `defaults`. The seed
        is the number of the point, plus `REPLICATE_SEED` for a model that is trained once more.
    """
    models = {
        model_name(number, prefix): {**point, "seed": number}
        for number, point in enumerate(points, 1)
    }
    again = {
        f"{model_name(number, prefix)}{REPLICATE}": {**point, "seed": REPLICATE_SEED + number}
        for number, point in enumerate(points[: design.replicates], 1)
    }
    return models | again
