"""Tables of the report, and where a notebook saves what belongs beside it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler

from cood.analysis.results import Results, percent, pick
from cood.analysis.stats.correlation import Correlation
from cood.analysis.topics.factor_sets import HELD_OUT
from cood.files import read_table
from cood.report.topics.dataset import kept, outcomes
from cood.settings.study_file import Study
from cood.synthesis.manifests import KEPT
from cood.vocabulary import CATEGORY, named_attributes

INTERVAL = r"-?[\d.]+ ?%? \[[^\]]*\].{0,20}"
OUTPUT = "COOD_OUTPUT"  # tells a running notebook where to save


def output(name: str) -> Path:
    """Where a running notebook saves a file, to be kept if all of its cells succeed.

    Outside a run, when a person executes the notebook, that is the current folder.
    """
    return Path(os.environ.get(OUTPUT, ".")) / name


def about(study: Study) -> str:
    """What kind of test a study is, by whether its models are trained here, as a paragraph."""
    published = (
        "published models, whose training data can be searched but not controlled; all compositions"
        " count as unseen, whether or not the training data held them"
    )
    if not study.trained:
        return f"It tests {published}."
    own = (
        "It is a controlled test of these questions, not the paper's own numbers. The paper "
        "metrics published models, whose training data can be searched but not controlled. Here "
        "{} a small CLIP, trained from scratch on captioned drawings, so that it is known exactly "
        "which compositions each of them has seen. No drawing that they are tested on was used in "
        "training."
    )
    n, others = len(study.trained), len(study.models) - len(study.trained)
    if not others:
        return own.format("every model is")
    return f"{own.format(f'each of {n} models is')} The other {others} are {published}."


def id_note(study: Study) -> str:
    """What to keep in mind of the ID accuracy of a study, as a paragraph."""
    said = []
    for name in study.id_sets:
        manifest = read_table(study.paths.manifest(name))
        classes = manifest.loc[manifest["status"] == KEPT, "class"].nunique()
        said.append(
            f"In the ID set {name}, {classes:,} classes of ImageNet have an image, and only these "
            f"can be answered; intervals come from resampling classes. {kept(outcomes(manifest))}"
        )
    if study.trained:
        said.append(
            "What a model has seen differs between models: one with a small share is asked few "
            'compositions as ID, each of which it has seen often, so ID accuracy as "seen" falls '
            'with the share for that reason alone; "shared" asks all models the same images.'
        )
    else:
        said.append(
            "The labels of ID accuracy are objects and those of C-OoD accuracy are pairs, so the "
            "distance between the two is not that of the images alone. Published figures were "
            "taken with the 80 templates of OpenAI."
        )
    return " ".join(said)


def templates(study: Study) -> str:
    """How many templates are averaged, and which of them name an attribute, as a sentence."""
    own = study.evaluation.templates
    found = named_attributes(own, study.vocabulary.attributes)
    listed = [f'"{t}" ({name})' for name, several in found.items() for t in several]
    said = f"Texts are averages over {len(own)} {'template' if len(own) == 1 else 'templates'}"
    if not listed:
        return f"{said}, none of which names an attribute of the study."
    return (
        f"{said}. Some name an attribute of the study, and so draw every text of the object "
        f"towards it: {', '.join(listed)}."
    )


def ratio(a: float, b: float) -> str:
    """How many times `b` goes into `a`, as text."""
    if b > 0:
        return f"{a / b:.1f}"
    return "infinitely many" if a > 0 else "?"


def leaderboard(models: pd.DataFrame, inside: pd.DataFrame, outside: pd.DataFrame) -> pd.DataFrame:
    """Models by C-OoD accuracy, with ID accuracy, both intervals and what is known of each."""
    known = ["model", "architecture", "loss", "share", "images", "epochs", "seed", "parameters"]
    known += ["data", "samples_seen", "published_id"]  # of checkpoints from elsewhere
    board = models[[c for c in known if c in models]].set_index("model")
    for name, values in (("ID", inside), ("C-OoD", outside)):
        board[name] = values["value"]
        board[f"{name} low"], board[f"{name} high"] = values["low"], values["high"]
    return board.dropna(subset=["C-OoD"]).sort_values("C-OoD", ascending=False).reset_index()


def shown(board: pd.DataFrame, id_heading: str = "ID") -> Styler:
    """A leaderboard for people: accuracies in percent with their intervals.

    `id_heading` is the heading of ID accuracy.
    """
    # The saved table has all; here, what fits beside the text.
    hidden = ["loss", "seed", "parameters", "samples_seen", "ID is"]
    table = board.drop(columns=[c for c in board if c.endswith((" low", " high")) or c in hidden])
    for name in ("ID", "C-OoD"):
        bounds = board[[name, f"{name} low", f"{name} high"]].to_numpy()
        table[name] = [percent(*values) for values in bounds]
    if "share" in table:
        table["share"] = table["share"].map("{:.0%}".format, na_action="ignore")
    if "published_id" in table:
        published = table.pop("published_id")
        if not published.equals(board["ID"].rename(published.name)):  # else it stands there twice
            table["ImageNet, published"] = published.map(percent, na_action="ignore")
    table = table.rename(columns={"ID": id_heading})
    first = ["model", "C-OoD", id_heading, "above the line"]
    table = table[[c for c in first if c in table] + [c for c in table if c not in first]]
    wide = styled(table).set_table_attributes('class="dataframe intervals"')
    return wide.format(precision=1, thousands=",", na_rep="-")


def styled(table: pd.DataFrame) -> Styler:
    """A table without row numbers, drawn as the theme draws data frames.

    Text is escaped: a word of a study or a message may hold what HTML takes for a tag.
    """
    text = table.select_dtypes(["object", "str"]).columns
    # A number and its interval stay on one line.
    whole = [c for c in text if table[c].astype(str).str.fullmatch(INTERVAL).any()]
    table = table.assign(**{c: table[c].map(_escaped) for c in text})
    style = table.style.hide(axis="index").set_table_attributes('class="dataframe"')
    return style.set_properties(subset=whole, **{"white-space": "nowrap"}) if whole else style


def _escaped(value: object) -> object:
    return escape(value) if isinstance(value, str) else value


def noise(models: pd.DataFrame, values: pd.DataFrame) -> str:
    """How far models lie apart that differ in their seed only, as a sentence."""
    trained = models[models["kind"] == "trained here"]
    same = [c for c in trained if c not in {"model", "seed", "missing", "parameters"}]
    said = []
    for _, group in trained.groupby(same, dropna=False):
        found = values["value"].reindex(group["model"]).dropna()
        if len(found) > 1:
            low, high = percent(found.min()), percent(found.max())
            said.append(
                f"{', '.join(found.index)} differ in the seed only, and reach {low} to {high}"
            )
    if not said:
        return "No two models differ in the seed only, so the noise of training is not known."
    return "; ".join(said) + ": smaller differences between models may be chance."


def reading(found: Correlation) -> str:
    """What a correlation lets one say, from its interval, as a phrase."""
    if not np.isfinite(found.low):
        return "shows no trend that so few models could tell"
    if found.low > 0:
        return "rises"
    return "falls" if found.high < 0 else "neither surely rises nor surely falls"


def agreement(found: Iterable[Correlation]) -> str:
    """Whether several ways to measure lead to one reading, as a sentence."""
    every = list(found)
    if all(np.isnan(correlation.pearson) for correlation in every):
        return f"so few models can tell no trend in any of {len(every)} ways to measure it"
    said = pd.Series([reading(correlation) for correlation in every]).value_counts()
    if len(said) == 1:
        return (
            f"in each of {said.iloc[0]} ways to measure it, C-OoD accuracy {said.index[0]}, so "
            "the conclusion does not depend on the way"
        )
    *others, last = [f"{phrase} in {n}" for phrase, n in said.items()]
    listed = f"of {said.sum()} ways to measure it, C-OoD accuracy {', '.join(others)} and {last}"
    if {"rises", "falls"} <= set(said.index):
        return f"{listed}, so the conclusion turns with the way"
    return f"{listed}: no two ways contradict each other, but not every one is sure"


def against_zero(values: pd.DataFrame) -> str:
    """In how many models a difference is surely above or below zero, by its interval."""
    n, above, below = len(values), (values["low"] > 0).sum(), (values["high"] < 0).sum()
    return f"surely more in {above}, surely less in {below} and neither in {n - above - below}"


def outside(values: pd.DataFrame, expected: pd.DataFrame) -> str:
    """In how many models a value lies outside the interval of what is expected by chance."""
    value, null = values["value"], expected.reindex(values.index)
    below, above = (value < null["low"]).sum(), (value > null["high"]).sum()
    inside = len(value) - below - above
    return (
        f"as large as chance would have it in {inside} of {len(value)} models, smaller in {below} "
        f"and larger in {above}"
    )


def correlation_table(found: Mapping[str, Correlation]) -> pd.DataFrame:
    """A row a way to measure: both coefficients with intervals, n, and what they let one say."""
    rows = [
        {
            "measured by": name,
            "models": one.n,
            "families": one.families,
            "Pearson": bounded(one.pearson, one.low, one.high),
            "Spearman": bounded(one.spearman, one.spearman_low, one.spearman_high),
            "C-OoD accuracy": reading(one),
        }
        for name, one in found.items()
    ]
    return pd.DataFrame(rows)


def bounded(value: float, low: float, high: float) -> str:
    """A coefficient with its interval; ``-`` where it is not known."""
    if not np.isfinite(value):
        return "-"
    return f"{value:.2f} [{low:.2f}, {high:.2f}]" if np.isfinite(low) else f"{value:.2f}"


def left_out(models: pd.DataFrame) -> str:
    """Which models could not be had, and why, as a sentence."""
    gone = models[models["missing"] != ""]
    if gone.empty:
        return "All models of the study are in it."
    named = [f"{row.model} ({row.missing})" for row in gone.itertuples()]
    return f"Left out, as they could not be had: {'; '.join(named)}."


def stacked(parts: dict[str, pd.DataFrame], order: Sequence[str]) -> pd.DataFrame:
    """Several tables of one row per model as one long table with the column `group`."""
    tables = [part.reindex(order).reset_index().assign(group=name) for name, part in parts.items()]
    return pd.concat(tables, ignore_index=True)


def by_category(results: Results, metric: str) -> pd.DataFrame:
    """Accuracy on unseen compositions, models by attribute categories."""
    categories = dict.fromkeys(CATEGORY[a] for a in results.study.vocabulary.attributes)
    columns = {c: pick(results, split="unseen", metric=metric, category=c) for c in categories}
    return pd.DataFrame({name: column["value"] for name, column in columns.items()})


def correlations(table: pd.DataFrame) -> Styler:
    """Correlations over models for people: both coefficients, each with its interval.

    How many models and families there are is left out where it is the same in all rows.
    """
    shown = table.drop(columns=[c for c in table if c.endswith(("low", "high", "_p"))])
    shown = shown.drop(columns=[c for c in ("n", "families") if shown[c].nunique() == 1])
    shown["metric"] = shown["metric"].str.replace("_", " ")
    for name, low, high in (
        ("pearson", "low", "high"),
        ("spearman", "spearman_low", "spearman_high"),
    ):
        bounds = table[[name, low, high]].to_numpy()
        shown[name] = [bounded(*values) for values in bounds]
    return styled(shown).format(precision=2, na_rep="-")


def held_out(table: pd.DataFrame) -> Styler:
    """Accuracy of factor models on seen and held-out combinations for people."""
    shown = table.copy()
    for title, _, _ in HELD_OUT:
        bounds = table[[title, f"{title} low", f"{title} high"]].to_numpy()
        guess = table[f"{title} chance"].map(percent)
        shown[title] = [f"{percent(*v)}, chance {c}" for v, c in zip(bounds, guess, strict=True)]
        shown = shown.drop(columns=[f"{title} {part}" for part in ("low", "high", "chance")])
    shown["share"] = shown["share"].map("{:.0%}".format)
    return styled(shown).format(precision=2, na_rep="-")
