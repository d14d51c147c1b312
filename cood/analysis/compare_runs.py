"""Compare two runs, claim by claim and model by model: what differs beyond the intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cood.analysis.compare_verdicts import read_verdicts, verdicts_text
from cood.analysis.reference import PROVENANCE_FILE, check_reference
from cood.analysis.results import plain_rows
from cood.errors import ArtefactError, CoodError
from cood.evaluation.common.score_table import ALL, OWN, ZERO_SHOT
from cood.evaluation.linear_probe.linear_probe import HELD_OUT, LINEAR_PROBE
from cood.files import read_json, read_table
from cood.metrics import SCORES
from cood.paths import Paths, project_root
from cood.settings.study_file import load_study

ACCURACIES = {  # by method; image-only encoders have linear probes too
    ZERO_SHOT: ("pair_top1", "attribute_top1", "object_top1", "binding", "id_top1"),
    LINEAR_PROBE: ("pair_top1",),
}
SOFT_RANK = "numerical_rank_0.1"
CLAIM, SCORE = "claim", "score"
RELATIVE, ABSOLUTE = 1e-9, 1e-12  # differences up to which two numbers are the same
MISSES = 0.05  # share of 95 % intervals of equal numbers that exclude 0
OOD = "pair_top1 on unseen"
# States of a number, or of a verdict.
SAME, WITHIN, BEYOND, UNKNOWN = "same", "within", "beyond", "no interval"
ONLY_A, ONLY_B, OTHER = "only in A", "only in B", "another model"
COUNTED = (BEYOND, ONLY_A, ONLY_B, OTHER)  # states in which two runs differ
LISTED = 10  # models that are not compared, above which they are counted and not listed
KEYS = ["kind", "what", "model"]
COLUMNS = [
    *KEYS,
    *(f"{run}{end}" for run in "ab" for end in ("", "_low", "_high", "_verdict")),
    "difference",
    "low",
    "high",
    "state",
]
NUMBERS = {
    "kind": str,
    "what": str,
    "model": str,
    "value": float,
    "low": float,
    "high": float,
    "verdict": str,
}


@dataclass(frozen=True)
class Run:
    """The numbers and settings of one run that are compared.

    Attributes
    ----------
    folder
        Its results, or its published tables.
    numbers
        A row a number: `kind` (``claim`` or ``score``), `what`, `model`, `value`, `low`, `high`
        and, for claims, `verdict`.
    models
        Names of its models and image-only encoders.
    settings
        Settings that its scores were computed with, by dotted name; None if they were not saved.
    verdicts
        What `read_verdicts` gives for it.
    """

    folder: Path
    numbers: pd.DataFrame
    models: list[str]
    settings: dict[str, Any] | None
    verdicts: tuple[pd.DataFrame, pd.DataFrame | None]


def read_run(place: str) -> Run:
    """Read a completed run, by its folder or by the name of its study.

    A study that has no results here is read from its reference run, if one was published.

    Raises
    ------
    CoodError
        If there is no such run, it has no table of scores, or one of its files is damaged.
    """
    folder = _folder(place)
    page = folder / "notebooks" / "claims"
    if (folder / PROVENANCE_FILE).is_file():
        check_reference(folder)
        page = folder
    scores, settings = folder / "scores.parquet", folder / "settings.json"
    if not scores.is_file():
        raise ArtefactError(
            f"{folder}: it holds no {scores.name}; name the results folder of a completed run, "
            "such as results/mini"
        )
    tables = [folder / f"{name}.parquet" for name in ("models", "image_encoders")]
    models = [m for table in tables if table.is_file() for m in read_table(table)["model"]]
    verdicts = read_verdicts(page)
    parts = [_claims(verdicts[0]), _scores(read_table(scores), models)]
    parts = [part for part in parts if len(part)]
    numbers = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(NUMBERS))
    used = dict(_flat(read_json(settings))) if settings.is_file() else None
    return Run(folder, numbers.astype(NUMBERS), models, used, verdicts)


def _folder(place: str) -> Path:
    """Folder of a run that is given as a folder, or by the name of its study."""
    folder = Path(place)
    if folder.is_dir():
        return folder
    if len(folder.parts) != 1:
        raise CoodError(f"{place}: no such folder; name the results of a run, or its study")
    paths = Paths(project_root(), place)
    if not paths.reference.is_dir():  # that of a study whose file is not here can be read too
        paths = load_study(place).paths
    if paths.scores.is_file():
        return paths.results
    if paths.reference.is_dir():
        return paths.reference
    results, reference = (f.relative_to(paths.root) for f in (paths.results, paths.reference))
    raise ArtefactError(
        f"study {paths.study} has neither a completed run in {results} nor a reference run in "
        f"{reference}; run `nox -s reproduce -- --study {paths.study}`"
    )


def compare(a: Run, b: Run) -> pd.DataFrame:
    """Every claim and score of two runs side by side (columns `COLUMNS`).

    `state` is ``same``; ``within`` or ``beyond``, by whether the interval of the difference holds
    0; ``no interval`` where the two differ and one of them has none; ``only in A`` or ``only in
    B``; ``another model`` for models that share a name only (`unlike_models`). A claim with
    different verdicts is ``beyond``. The interval of a difference of two
    independent numbers follows from theirs (Zou and Donner 2008, https://doi.org/10.1002/sim.3095).
    If both runs were tested on the same images it is too wide, and the comparison conservative.

    Parameters
    ----------
    a, b
        As `read_run` gives them.
    """
    sides = []
    for run, letter in ((a, "a"), (b, "b")):
        columns = {"value": letter} | {c: f"{letter}_{c}" for c in ("low", "high", "verdict")}
        sides.append(run.numbers.rename(columns=columns))
    rows = pd.concat([side[KEYS] for side in sides]).drop_duplicates()
    table = rows.merge(sides[0].assign(in_a=True), on=KEYS, how="left")
    table = table.merge(sides[1].assign(in_b=True), on=KEYS, how="left")
    d = table["difference"] = table["a"] - table["b"]
    table["low"] = d - np.hypot(table["a"] - table["a_low"], table["b_high"] - table["b"])
    table["high"] = d + np.hypot(table["a_high"] - table["a"], table["b"] - table["b_low"])
    other = table["model"].isin(unlike_models(a, b))
    table.loc[other, ["difference", "low", "high"]] = np.nan
    verdicts_differ = table["a_verdict"].fillna("") != table["b_verdict"].fillna("")
    both_empty = table[["a", "b"]].isna().all(axis=1)
    equal = np.isclose(table["a"], table["b"], rtol=RELATIVE, atol=ABSOLUTE) | both_empty
    same = equal & ~verdicts_differ
    outside = (table["low"] > 0) | (table["high"] < 0) | verdicts_differ
    choices = {
        ONLY_A: table["in_b"].isna(),
        ONLY_B: table["in_a"].isna(),
        OTHER: other,
        SAME: same,
        BEYOND: outside,
        UNKNOWN: table["low"].isna(),
    }
    table["state"] = np.select(list(choices.values()), list(choices), WITHIN)
    first = table["kind"].map({CLAIM: 0, SCORE: 1})
    return table.assign(first=first).sort_values("first", kind="stable")[COLUMNS]


def differs(table: pd.DataFrame) -> bool:
    """Whether two runs differ: in a verdict, beyond an interval, or in their claims and scores."""
    return bool(table["state"].isin(COUNTED).any())


def unlike_models(a: Run, b: Run) -> list[str]:
    """Models of two runs that share a name but were drawn from different designs.

    The models of a design are numbered, so that the first of each has the same name. They are the
    same model only where their settings are the same.
    """
    if a.settings is None or b.settings is None or not _designs_differ(a, b):
        return []
    return [model for model in a.models if model in b.models and _own(a, model) != _own(b, model)]


def _designs_differ(a: Run, b: Run) -> bool:
    return _own(a, "", "design") != _own(b, "", "design")


def _own(run: Run, name: str, section: str = "models") -> dict[str, Any]:
    """Settings of a run in a section, or of one model."""
    start = f"{section}.{name}"
    return {
        key: value
        for key, value in (run.settings or {}).items()
        if key == start or key.startswith(f"{start.rstrip('.')}.")
    }


def differing_settings(a: Run, b: Run) -> pd.DataFrame | None:
    """Settings that differ, as `setting`, `a` and `b`; None if a run has not saved them."""
    if a.settings is None or b.settings is None:
        return None
    names = sorted({*a.settings, *b.settings})
    rows = [(name, a.settings.get(name, "-"), b.settings.get(name, "-")) for name in names]
    differing = [(name, *_setting_texts(x, y)) for name, x, y in rows if x != y]
    return pd.DataFrame(differing, columns=["setting", "a", "b"])


def as_text(a: Run, b: Run, table: pd.DataFrame) -> str:
    """A comparison for a terminal; `table` is what `compare` returns."""
    scores, both = table[table["kind"] == SCORE], (a.verdicts, b.verdicts)
    sections = [
        f"A: {a.folder}, {len(a.models)} models\nB: {b.folder}, {len(b.models)} models",
        _settings_section(a, b),
        _claims_section(table[table["kind"] == CLAIM], verdicts_text(*both, a.settings or {})),
        _models_section(scores),
        _scores_section(scores),
    ]
    differing = scores[scores["state"].isin([BEYOND, UNKNOWN, ONLY_A, ONLY_B])]
    differing = differing[differing["model"].isin(set(a.models) & set(b.models))]
    if len(differing):
        sections.append("Scores that differ\n" + _lines(_shown(differing, "score")))
    conclusion = "differ" if differs(table) else "do not differ beyond the intervals"
    return "\n\n".join([*sections, f"A and B {conclusion}"])


def _settings_section(a: Run, b: Run) -> str:
    settings = differing_settings(a, b)
    if settings is None:
        folders = " and ".join(str(run.folder) for run in (a, b) if run.settings is None)
        return f"Settings: unknown for {folders}, without settings.json"
    if _designs_differ(a, b):  # which lists the models; those of one run only have no counterpart
        apart = {*unlike_models(a, b), *(set(a.models) ^ set(b.models))}
        starts = tuple(f"models.{model}." for model in apart)
        settings = settings[[not name.startswith(starts) for name in settings["setting"]]]
    return "Settings: the same" if settings.empty else "Settings that differ\n" + _lines(settings)


def _claims_section(claims: pd.DataFrame, agreement: str) -> str:
    if claims.empty:
        return "Claims: none, as neither run has the notebook `claims`"
    return f"Claims\n{_lines(_shown(claims, 'claim'))}\n{agreement}".rstrip()


def _models_section(scores: pd.DataFrame) -> str:
    """Accuracy of each model, and how many of its scores differ beyond the intervals."""
    title = f"Models: accuracy on unseen compositions ({OOD})"
    accuracies = scores[scores["what"] == OOD]
    if accuracies.empty:
        return f"{title}: none, as no model of either run has this score"
    beyond = scores[scores["state"] == BEYOND].groupby("model").size()
    shown = _shown(accuracies, "score").drop(columns="score")
    counts = shown["model"].map(beyond).fillna(0).astype(int)
    shown, lines = shown.assign(**{"scores beyond": counts}), []
    for state in (ONLY_A, ONLY_B, OTHER):
        apart = shown["state"] == state
        if apart.sum() > LISTED:
            names = shown.loc[apart, "model"]
            said = f"{state} of the same name" if state == OTHER else state
            lines.append(f"  {len(names)} models: {said} ({names.iloc[0]} to {names.iloc[-1]})")
            shown = shown[~apart]
    if len(shown):
        lines.insert(0, _lines(shown))
    return "\n".join([title, *lines])


def _scores_section(scores: pd.DataFrame) -> str:
    if scores.empty:
        return "Scores: none"
    counts = scores["state"].value_counts()
    listed = ", ".join(f"{count} {state}" for state, count in counts.items())
    tested = int(scores["state"].isin([WITHIN, BEYOND]).sum())
    return (
        f"Scores: {listed}. Of {tested} that have intervals and are not the same, about "
        f"{MISSES * tested:.0f} are expected to differ beyond them by chance."
    )


def _shown(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Rows of a comparison as text."""
    shown = {name: table["what"], "model": table["model"]}
    for letter in "ab":
        numbers = table[[letter, f"{letter}_low", f"{letter}_high"]].to_numpy(float)
        verdicts = table[f"{letter}_verdict"].fillna("")
        both = zip(verdicts, numbers, strict=True)
        shown[letter.upper()] = [f"{verdict} {_interval(*row)}".strip() for verdict, row in both]
    differences = table[["difference", "low", "high"]].to_numpy(float)
    shown["A - B"] = [_interval(*row) for row in differences]
    shown["state"] = table["state"]
    return pd.DataFrame(shown).loc[:, lambda t: (t != "").any()]


def _interval(value: float, low: float, high: float) -> str:
    if not np.isfinite(value):
        return "-"
    if not np.isfinite(low):
        return _number(value)
    return f"{_number(value)} [{_number(low)}, {_number(high)}]"


def _number(value: float) -> str:
    return f"{value:.3f}" if value == 0 or abs(value) >= 0.001 else f"{value:.1e}"


def _lines(table: pd.DataFrame) -> str:
    """A table as text, with columns aligned to the left."""
    rows = [list(table.columns), *table.astype(str).to_numpy().tolist()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = (map(str.ljust, row, widths) for row in rows)
    return "\n".join("  " + "  ".join(row).rstrip() for row in padded)


def _scores(scores: pd.DataFrame, models: list[str]) -> pd.DataFrame:
    """Accuracies, metrics of embeddings as they are, and soft ranks, one row each."""
    scores = scores[scores["model"].isin(models)]
    accuracies = pd.concat(
        plain_rows(scores[scores["metric"].isin(metrics)], method=method, labels=labels)
        for method, metrics in ACCURACIES.items()
        for labels in (ALL, OWN)
    )
    # Zero-shot accuracy on the images held out of a probe is there for comparison only.
    compared = (accuracies["method"] == LINEAR_PROBE) | (accuracies["split"] != HELD_OUT)
    own = accuracies["labels"] == OWN
    accuracies = accuracies[compared & ~(own & (accuracies["split"] == HELD_OUT))]
    metrics = plain_rows(scores[scores["metric"].isin([*SCORES, SOFT_RANK])], split="all")
    scores = pd.concat([accuracies, metrics])
    labels = np.where(scores["labels"] == OWN, ", unseen labels", "")
    probe = np.where(scores["method"] == LINEAR_PROBE, "linear probe: ", "")
    space = np.where(
        scores["metric"].isin(SCORES) | (scores["metric"] == SOFT_RANK), " " + scores["space"], ""
    )
    what = probe + scores["metric"] + space + " on " + scores["split"] + labels
    sets = scores["set"]
    first = sets.iloc[0] if len(sets) else ""  # the first set of the study, which is not named
    what = what.where(sets == first, what + " of " + sets)
    columns = ["model", "value", "low", "high"]
    return scores[columns].assign(kind=SCORE, what=what, verdict="")


def _claims(table: pd.DataFrame) -> pd.DataFrame:
    """Verdicts, with the statistic of each test if any, as the notebook `claims` saved them."""
    if table.empty:
        return pd.DataFrame()
    what = (table["claim"] + " " + table["test"]).str.strip()
    # Where no claim could be tested, the file has no columns of numbers.
    table = table.reindex(columns=["value", "low", "high", "verdict"])
    return table.assign(kind=CLAIM, what=what, model="")


def _setting_texts(x: Any, y: Any) -> tuple[str, str]:
    """Two settings as text; of two lists, only the entries that the other lacks."""
    if isinstance(x, list) and isinstance(y, list):
        own = [", ".join(str(i) for i in one if i not in other) for one, other in ((x, y), (y, x))]
        return (own[0] or "-", own[1] or "-") if any(own) else ("(one order)", "(another order)")
    return str(x), str(y)


def _flat(settings: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(settings, dict) and settings:
        for key, value in settings.items():
            yield from _flat(value, f"{name}.{key}" if name else key)
    else:
        yield name, settings
