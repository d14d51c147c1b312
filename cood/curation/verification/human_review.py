"""What persons answered in review sheets: read, checked, and how far they agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import ValidationError

from cood.curation.verification.review_sheets import QUESTIONS, mark, plan, questions
from cood.errors import CoodError
from cood.files import read_table, write_table
from cood.settings import Name, Settings
from cood.settings.study_file import Study

VERIFIER = "(verifier)"  # no rater can be called this
CODES = {"no": 0, "yes": 1, "unsure": 2}
Statistic = Callable[[np.ndarray], float]
ABOUT = (*QUESTIONS, "pair")


class Given(Settings):
    """The answers about one image."""

    object: Literal["yes", "no", "unsure"] | None = None
    attribute: Literal["yes", "no", "unsure"] | None = None


class Answers(Settings):
    """The file that a review sheet saves."""

    study: str
    set: str
    rater: Name
    sample: int
    plan: str
    answers: dict[str, Given]


def collect(
    study: Study, name: str, given: Sequence[Path], say: Callable[[str], None] = print
) -> pd.DataFrame:
    """Read the answers of several raters, write them, and write and return how far they agree.

    A file that cannot be used is named with the reason, and the others count.

    Raises
    ------
    CoodError
        If none can be used.
    """
    tables: dict[str, pd.DataFrame] = {}
    for file in given:
        try:
            rater, table = read_answers(study, name, file)
            if rater in tables:
                raise CoodError(
                    f"{file}: there are answers of {rater} already; name each rater once"
                )
        except CoodError as error:
            say(f"left out: {error}")
        else:
            tables[rater] = table
    if not tables:
        raise CoodError("no file of answers can be used; see above")
    sizes = sorted({len(table) for table in tables.values()})
    if len(sizes) > 1:
        raise CoodError(
            f"the raters had samples of different sizes, {sizes[0]} to {sizes[-1]} images; collect "
            "those of one size together"
        )
    every = pd.concat([t.assign(rater=rater) for rater, t in tables.items()], ignore_index=True)
    write_table(every, study.paths.review(name))
    found = agreement(study, name, every)
    write_table(found, study.paths.agreement(name))
    return found


def read_answers(study: Study, name: str, file: Path) -> tuple[str, pd.DataFrame]:
    """The rater of one file, and the plan with the columns `object_said` and `attribute_said`.

    Raises
    ------
    CoodError
        If the file is damaged, or holds answers to another sheet.
    """
    try:
        read = Answers.model_validate_json(file.read_bytes())
    except OSError as error:
        raise CoodError(f"{file}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "file"
        raise CoodError(
            f"{file} is not what a review sheet saves ({where}: {first['msg'].lower()}); save the "
            "answers again"
        ) from error
    if (read.study, read.set) != (study.name, name):
        raise CoodError(f"{file} is about set {read.set!r} of study {read.study!r}, not {name!r}")
    rows = plan(study, name, read.sample)
    if read.plan != mark(rows, questions(study, name)):
        raise CoodError(
            f"{file}: the set or its questions have changed since the sheet was written; "
            "write a new sheet"
        )
    beyond = [item for item in read.answers if item not in set(map(str, rows.index))]
    if beyond:
        raise CoodError(f"{file}: there is no image {beyond[0]!r} in its sample of {len(rows)}")
    empty = Given()
    for about in QUESTIONS:
        said = [getattr(read.answers.get(str(k), empty), about) or "" for k in rows.index]
        rows[f"{about}_said"] = said
    return read.rater, rows


def agreement(study: Study, name: str, every: pd.DataFrame) -> pd.DataFrame:
    """How far raters agree with each other and with the verifier, and find the decoys.

    Columns: `question` (object, attribute, or the pair of both), `metric`, `who`, `value`, the
    bootstrap interval `low` to `high` over images, and `n` images. Measures: Fleiss' kappa of all
    raters over the images that all answered; Cohen's kappa of two of them, or of one and the
    verifier; and the share of the decoys that a rater said no to. "Cannot tell" is an answer of
    its own. Decoys count for their own metric only. A kappa is NaN where everybody always gave
    the same answer, as there is nothing to agree on then.
    """
    raters = list(dict.fromkeys(every["rater"]))
    rng = np.random.default_rng(study.seed)
    resamples, level = study.evaluation.resamples, study.evaluation.level
    rows = []

    def add(question: str, metric: str, who: str, statistic: Statistic, codes: np.ndarray) -> None:
        low, high = _interval(statistic, codes, rng, resamples, level)
        value = statistic(codes) if len(codes) else np.nan
        rows.append((question, metric, who, value, low, high, len(codes)))

    for about in ABOUT:
        codes = _codes(study, name, every, about)
        if len(raters) > 1:
            add(about, "Fleiss' kappa", "all raters", fleiss, codes[raters].dropna().to_numpy())
        for pair in combinations(codes.columns, 2):
            add(
                about,
                "Cohen's kappa",
                " and ".join(pair),
                cohen,
                codes[[*pair]].dropna().to_numpy(),
            )
    for about in QUESTIONS:
        decoys = every[(every["decoy"] == about) & (every[f"{about}_said"] != "")]
        for rater in raters:
            right = decoys.loc[decoys["rater"] == rater, f"{about}_said"] == "no"
            add(about, "decoys refused", rater, np.mean, right.to_numpy(dtype=float))
    columns = ["question", "metric", "who", "value", "low", "high", "n"]
    return pd.DataFrame(rows, columns=columns)


def fleiss(codes: np.ndarray) -> float:
    """Fleiss' kappa of answers [images, raters]; NaN if all are the same."""
    from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

    if len(np.unique(codes)) < 2:
        return float("nan")
    return float(fleiss_kappa(aggregate_raters(codes.astype(int))[0]))


def cohen(codes: np.ndarray) -> float:
    """Cohen's kappa of answers [images, 2]; NaN if all are the same."""
    from statsmodels.stats.inter_rater import cohens_kappa

    if len(np.unique(codes)) < 2:
        return float("nan")
    table = np.zeros((len(CODES), len(CODES)))
    np.add.at(table, tuple(codes.astype(int).T), 1)
    return float(cohens_kappa(table, return_results=False))


def _codes(study: Study, name: str, every: pd.DataFrame, about: str) -> pd.DataFrame:
    """Answers about the images that are no decoys, as numbers: images by raters and verifier."""
    real = every[every["decoy"] == ""]
    said = {part: real[f"{part}_said"].map(CODES) for part in QUESTIONS}
    if about == "pair":
        both = pd.concat(said.values(), axis=1)
        # No to either is a no, whatever the other is; else a doubt about either is a doubt.
        pair = both.max(axis=1).where(~(both == CODES["no"]).any(axis=1), CODES["no"])
        said["pair"] = pair.where(both.notna().all(axis=1))
    table = real.assign(code=said[about]).pivot(index="image", columns="rater", values="code")
    verified = study.paths.verified(name)
    if study.table(name) == verified and verified.is_file():
        answers = read_table(verified).set_index("image").loc[table.index]
        settings = study.verified(name)
        yes = {
            part: (answers[f"{part}_yes"] >= getattr(settings, f"{part}_threshold"))
            for part in QUESTIONS
        }
        yes["pair"] = yes["object"] & yes["attribute"]
        table[VERIFIER] = yes[about].astype(float).where(answers["object_yes"].notna())
    return table


def _interval(
    statistic: Statistic, codes: np.ndarray, rng: np.random.Generator, resamples: int, level: float
) -> tuple[float, float]:
    if not len(codes):
        return float("nan"), float("nan")
    draws = [statistic(codes[rng.integers(len(codes), size=len(codes))]) for _ in range(resamples)]
    usable = np.array(draws)[~np.isnan(draws)]
    if not len(usable):
        return float("nan"), float("nan")
    low, high = np.quantile(usable, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
