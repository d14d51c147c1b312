"""Human review of a set: the answers of raters, and how far raters and verifier agree."""

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

VERIFIER = "(verifier)"  # no rater can have this name
CODES = {"no": 0, "yes": 1, "unsure": 2}
PAIR = "pair"  # object and attribute together
Answer = Literal["yes", "no", "unsure"]
Statistic = Callable[[np.ndarray], float]


class ImageAnswers(Settings):
    """The answers about one image."""

    object: Answer | None = None
    attribute: Answer | None = None


class SheetAnswers(Settings):
    """The file that a review sheet saves."""

    study: str
    set: str
    rater: Name
    sample: int
    plan: str
    answers: dict[str, ImageAnswers]


def collect(
    study: Study, name: str, answer_files: Sequence[Path], say: Callable[[str], None] = print
) -> pd.DataFrame:
    """Read the answers of several raters and write them; write and return their agreement.

    Files that cannot be used are skipped, with a message that says why.

    Raises
    ------
    CoodError
        If none can be used.
    """
    tables: dict[str, pd.DataFrame] = {}
    for file in answer_files:
        try:
            rater, table = read_answers(study, name, file)
            if rater in tables:
                raise CoodError(
                    f"{file}: another file has answers of {rater} already; give one file a rater"
                )
        except CoodError as error:
            say(f"skipped: {error}")
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
    answers = pd.concat([t.assign(rater=rater) for rater, t in tables.items()], ignore_index=True)
    write_table(answers, study.paths.review(name))
    table = agreement(study, name, answers)
    write_table(table, study.paths.agreement(name))
    return table


def read_answers(study: Study, name: str, file: Path) -> tuple[str, pd.DataFrame]:
    """The rater of a file, and the plan with the columns `object_said` and `attribute_said`.

    Raises
    ------
    CoodError
        If the file is damaged, or holds answers to another sheet.
    """
    try:
        read = SheetAnswers.model_validate_json(file.read_bytes())
    except OSError as error:
        raise CoodError(f"{file}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "file"
        message = first["msg"].removeprefix("Value error, ").lower()
        raise CoodError(
            f"{file} is not what a review sheet saves ({where}: {message}); save the answers again"
        ) from error
    if (read.study, read.set) != (study.name, name):
        raise CoodError(f"{file} is about set {read.set!r} of study {read.study!r}, not {name!r}")
    rows = plan(study, name, read.sample)
    if read.plan != mark(rows, questions(study, name)):
        raise CoodError(
            f"{file}: the set or its questions have changed since the sheet was written; "
            "write a new sheet"
        )
    items = set(map(str, rows.index))
    unknown = [item for item in read.answers if item not in items]
    if unknown:
        raise CoodError(f"{file}: there is no image {unknown[0]!r} in its sample of {len(rows)}")
    empty = ImageAnswers()
    for question in QUESTIONS:
        answers = [getattr(read.answers.get(str(k), empty), question) or "" for k in rows.index]
        rows[f"{question}_said"] = answers
    return read.rater, rows


def agreement(study: Study, name: str, answers: pd.DataFrame) -> pd.DataFrame:
    """Agreement of the raters with each other and with the verifier, and the decoys they refuse.

    Columns: `question` (object, attribute, or the pair of both), `metric`, `who`, `value`, the
    bootstrap interval `low` to `high` over images, and `n` images. The metrics are Fleiss' kappa
    of all raters over the images that all of them answered; Cohen's kappa of two raters, or of a
    rater and the verifier; and the share of decoys that a rater answered with no. "Cannot tell" is
    an answer of its own. The kappas leave decoys out. A kappa is NaN if all answers are the same,
    as it is undefined then.
    """
    raters = list(dict.fromkeys(answers["rater"]))
    rng = np.random.default_rng(study.seed)
    resamples, level = study.evaluation.resamples, study.evaluation.level
    rows = []

    def add(question: str, metric: str, who: str, statistic: Statistic, codes: np.ndarray) -> None:
        low, high = _interval(statistic, codes, rng, resamples, level)
        value = statistic(codes) if len(codes) else np.nan
        rows.append((question, metric, who, value, low, high, len(codes)))

    for question in (*QUESTIONS, PAIR):
        codes = _codes(study, name, answers, question)
        if len(raters) > 1:
            complete = codes[raters].dropna().to_numpy()
            add(question, "Fleiss' kappa", "all raters", fleiss, complete)
        for pair in combinations(codes.columns, 2):
            complete = codes[list(pair)].dropna().to_numpy()
            add(question, "Cohen's kappa", " and ".join(pair), cohen, complete)
    for question in QUESTIONS:
        column = f"{question}_said"
        decoys = answers[(answers["decoy"] == question) & (answers[column] != "")]
        for rater in raters:
            refused = decoys.loc[decoys["rater"] == rater, column] == "no"
            add(question, "decoys refused", rater, np.mean, refused.to_numpy(dtype=float))
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


def _codes(study: Study, name: str, answers: pd.DataFrame, question: str) -> pd.DataFrame:
    """Answers about the images that are no decoys, as `CODES`: images by raters and verifier."""
    real = answers[answers["decoy"] == ""]
    codes = {part: real[f"{part}_said"].map(CODES) for part in QUESTIONS}
    if question == PAIR:
        both = pd.concat(codes.values(), axis=1)
        # No to either is a no, whatever the other is; else a doubt about either is a doubt.
        pair = both.max(axis=1).where(~(both == CODES["no"]).any(axis=1), CODES["no"])
        codes[PAIR] = pair.where(both.notna().all(axis=1))
    table = real.assign(code=codes[question]).pivot(index="image", columns="rater", values="code")
    verified = study.paths.verified(name)
    if study.table(name) == verified and verified.is_file():
        verdicts = read_table(verified).set_index("image").loc[table.index]
        settings = study.verified(name)
        yes = {
            part: (verdicts[f"{part}_yes"] >= getattr(settings, f"{part}_threshold"))
            for part in QUESTIONS
        }
        yes[PAIR] = yes["object"] & yes["attribute"]
        table[VERIFIER] = yes[question].astype(float).where(verdicts["object_yes"].notna())
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
