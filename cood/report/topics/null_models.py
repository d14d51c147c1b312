"""Null models, other ways to score and confounders: a figure, and what the numbers say."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cood.analysis.canonical_variants import AS_THEY_ARE, PROJECTIONS, usual
from cood.analysis.metric_correlations import BOUNDS
from cood.analysis.results import Results, percent
from cood.analysis.topics.null_models.against_null import HIGHER, LOWER
from cood.analysis.topics.null_models.confounders import ACCURACY, lost
from cood.analysis.topics.null_models.rank_stability import (
    USUAL,
    scorings,
    template_way,
)
from cood.report.plots.grids import SPACES, WIDTH
from cood.vocabulary import named_attributes

NEAR = 0.9  # share of the way from chance to the median trained model
NULL = "0.1"
LEVEL = 0.05


def strips(results: Results, metrics: Sequence[str], split: str) -> Figure:
    """A column a space, a row a metric: a dot a trained model, a diamond an untrained one.

    A grey line is the median value under shuffled labels.
    """
    scores = usual(results, metrics).scores
    here = scores[(scores["set"] == results.set) & (scores["split"] == split)]
    names = [name for name in metrics if name in set(here["metric"])]
    figure, grid = plt.subplots(1, 2, figsize=(WIDTH, 1.6 + 0.34 * len(names)), sharey=True)
    for axes, (space, colour) in zip(grid, SPACES.items(), strict=True):
        for row, metric in enumerate(names):
            one = here[(here["space"] == space) & (here["metric"] == metric)]
            trained = one.loc[one["model"].isin(results.models["model"]), "value"]
            null = one.loc[one["model"].isin(results.study.null_models), "value"]
            axes.plot([one["chance"].median()] * 2, [row - 0.32, row + 0.32], color="0.6", lw=2)
            axes.plot(trained, [row] * len(trained), "o", color=colour, alpha=0.45, markersize=6)
            axes.plot(null, [row] * len(null), "D", color=NULL, markersize=5, mec="white", mew=0.7)
        axes.set_xlabel(f"{space}s")
        axes.set_xlim(-0.05, 1.05)
        axes.grid(axis="y", visible=False)
    grid[0].set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
    grid[0].invert_yaxis()
    for label, style in {
        "trained": {"marker": "o", "color": "0.5", "alpha": 0.6},
        "untrained": {"marker": "D", "color": NULL, "markersize": 5},
        "shuffled labels": {"marker": "|", "color": "0.6", "markersize": 11, "mew": 2},
    }.items():
        grid[0].plot([], [], linestyle="", label=label, **style)
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def untrained_accuracy(found: pd.DataFrame) -> str:
    """Accuracy of each untrained model with its interval, and whether chance is in it."""
    if found.empty:
        return "The study has no untrained models; `untrained:` in its file names some."
    said = [f"{row.Index} {percent(row.value, row.low, row.high)}" for row in found.itertuples()]
    inside = ((found["low"] <= found["chance"]) & (found["chance"] <= found["high"])).sum()
    return (
        f"{'; '.join(said)}. Chance is {percent(found['chance'].mean())}, and lies in the interval "
        f"of {inside} of {len(found)}."
    )


def training_brought(found: pd.DataFrame) -> str:
    """How many metrics training moved, and which it did not; see `against_untrained`."""
    if found.empty:
        return "Without untrained models, what training brought is not known."
    reading = found["reading"]
    rest = found[~reading.isin([HIGHER, LOWER])]
    said = (
        f"Of {len(found)} pairs of a metric and a space, training surely raised "
        f"{(reading == HIGHER).sum()} and surely lowered {(reading == LOWER).sum()}"
    )
    return f"{said}; not told apart: {_listed(rest)}." if len(rest) else f"{said}."


def reached_untrained(found: pd.DataFrame) -> str:
    """Which metrics an untrained model all but reaches, as a sentence.

    That is at least `NEAR` of the way from shuffled labels to the median trained model, for
    metrics whose value under shuffled labels is known and lies below that model's.
    """
    if found.empty:
        return "Which metrics they would reach is not known."
    way = found["median"] - found["chance"]
    known = found[(way > 0.05).to_numpy()]
    share = (known["untrained_highest"] - known["chance"]) / (known["median"] - known["chance"])
    near = known[share >= NEAR]
    if known.empty:
        return "No metric lies far enough above its value under shuffled labels to tell."
    if near.empty:
        return (
            f"In none of {len(known)} that lie above their value under shuffled labels by 0.05 or "
            f"more, an untrained model comes {100 * NEAR:.0f} % of the way to the median trained "
            "one."
        )
    values = [
        f"{row.metric.replace('_', ' ')} of {row.space}s ({row.untrained_highest:.2f}, median of "
        f"the trained {row.median:.2f}, shuffled labels {row.chance:.2f})"
        for row in near.itertuples()
    ]
    return (
        f"In {len(near)} of {len(known)} that lie above their value under shuffled labels by 0.05 "
        f"or more, an untrained model comes at least {100 * NEAR:.0f} % of the way to the median "
        f"trained one: {'; '.join(values)}. High values of these say nothing of learning."
    )


def untrained_table(found: pd.DataFrame) -> pd.DataFrame:
    """What `cood.analysis.topics.null_models.against_null.against_untrained` gives, for people."""
    return pd.DataFrame(
        {
            "metric": found["metric"].str.replace("_", " "),
            "space": found["space"],
            "shuffled labels": found["chance"],
            "untrained": _ranges(found, ["untrained_lowest", "untrained_highest"]),
            "trained: median (range)": [
                f"{m:.2f} ({a:.2f} to {b:.2f})"
                for m, a, b in found[["median", "lowest", "highest"]].to_numpy(float)
            ],
            "trained: mean": [
                f"{m:.2f} [{a:.2f}, {b:.2f}]"
                for m, a, b in found[["mean", "low", "high"]].to_numpy(float)
            ],
            "by training": found["reading"],
        }
    )


def order(table: pd.DataFrame) -> str:
    """How far the order of the models stays, as a sentence; see `rankings.stability`."""
    known = table.dropna(subset=["tau"])
    if known.empty:
        return "With so few models, or equal accuracies, an order cannot be compared."
    worst = known.loc[known["tau"].idxmin()]
    moved = (
        f", where {worst['moved']} moves most, from rank {worst['usual_rank']:g} to "
        f"{worst['rank']:g}"
        if isinstance(worst.get("moved"), str)
        else ""
    )
    return (
        f"Kendall's tau with the usual order lies between {known['tau'].min():.2f} and "
        f"{known['tau'].max():.2f} in {len(known)} other ways to score; it is lowest for "
        f"{worst['way']}: {worst['tau']:.2f} [{worst['low']:.2f}, {worst['high']:.2f}]{moved}. "
        f"The median accuracy goes from {percent(known['median'].min())} to "
        f"{percent(known['median'].max())} with the way to score."
    )


def one_way(table: pd.DataFrame, way: str) -> str:
    """Tau, with its interval, of one way to score."""
    row = table[table["way"] == way]
    if row.empty or not np.isfinite(row["tau"].iloc[0]):
        return "is not to be had in this study"
    return "is {tau:.2f} [{low:.2f}, {high:.2f}]".format(**row.iloc[0])


def collisions(results: Results, table: pd.DataFrame) -> str:
    """What templates that name an attribute do to accuracy and order, as a sentence.

    `table` is what `cood.analysis.topics.null_models.rank_stability.stability` gives.
    """
    usual = scorings(results)[USUAL]["value"].median()
    said = []
    for name, templates in results.study.ablations.items():
        named = named_attributes(templates, results.study.vocabulary.attributes)
        row = table[table["way"] == template_way(name, templates)]
        if named and len(row):
            said.append(
                "With {way}, which names {0}, the median accuracy is {1} instead of {2}, and tau "
                "{tau:.2f} [{low:.2f}, {high:.2f}].".format(
                    " and ".join(named),
                    percent(row["median"].iloc[0]),
                    percent(usual),
                    **row.iloc[0],
                )
            )
    return " ".join(said) or "None of the other templates names an attribute of the study."


def widths(results: Results) -> str:
    """Which widths the embeddings of a study have, and to which they are brought, as a sentence."""
    known = results.models.get("embed_dim", pd.Series(dtype=float)).dropna().astype(int)
    listed = ", ".join(map(str, sorted(known.unique()))) or "not known"
    width = results.study.representation_metrics.fixed_width
    if known.nunique() == 1:
        said = (
            f"All models of this study have the same width, {listed}, so that it confounds nothing"
        )
        then = "; the smaller one shows whether the coefficients hang on what few dimensions keep"
    else:
        said, then = f"The models of this study differ in width: {listed}", ""
    if width is None:
        return f"{said}. `metrics.fixed_width` is not set, so that no other width was taken."
    return f"{said}{then}. All embeddings were brought to {width} dimensions."


def moved(found: pd.DataFrame, coefficient: str) -> str:
    """How far coefficients at the fixed_width width lie from the usual ones, as a phrase."""
    keys = ["space", "metric"]
    usually = found[found["way"] == AS_THEY_ARE].set_index(keys)[coefficient]
    said = []
    for _, rows in found[found["way"] != AS_THEY_ARE].groupby("way", sort=False):
        apart = (rows.set_index(keys)[coefficient] - usually).abs().dropna()
        if apart.empty:
            continue
        space, metric = apart.idxmax()
        kind, width = PROJECTIONS[rows["projection"].iloc[0]], rows["width"].iloc[0]
        said.append(
            f"with {kind} ({width} dimensions), the median coefficient moves by "
            f"{apart.median():.2f}, and that of {metric.replace('_', ' ')} of {space}s most, by "
            f"{apart.max():.2f}"
        )
    return "; ".join(said) or "no coefficient can be compared"


def best(table: pd.DataFrame, coefficient: str) -> str:
    """The strongest coefficient, and those left by Holm's correction; see `with_control`."""
    known = table.dropna(subset=[coefficient])
    if known.empty:
        return "No metric varies over enough models."
    said = [
        f"{row.metric.replace('_', ' ')} of {row.space}s {getattr(row, coefficient):.2f} "
        f"[{row.low:.2f}, {row.high:.2f}], given ID accuracy "
        + (
            f"{row.partial:.2f} [{row.partial_low:.2f}, {row.partial_high:.2f}]"
            if np.isfinite(row.partial)
            else "none"
        )
        for row in known.loc[known[coefficient].abs().nlargest(3).index].itertuples()
    ]
    left = known[known["holm"] < LEVEL]
    return (
        f"The strongest: {'; '.join(said)}. Left after Holm's correction: "
        f"{_listed(left) if len(left) else 'none'}."
    )


def strongest(related: pd.DataFrame, coefficient: str) -> str:
    """How each confounder goes with C-OoD accuracy, as a sentence a confounder."""
    if related.empty:
        return "No size that is known of the models varies among enough of them."
    low, high = BOUNDS[coefficient]
    said = []
    for row in related[related["metric"] == ACCURACY].to_dict("records"):
        text = f"{row['control']}: {row[coefficient]:.2f} [{row[low]:.2f}, {row[high]:.2f}]"
        if row["alike"] >= row["n"] - 2:
            text += f" (but {row['alike']} of {row['n']} models share one value)"
        said.append(text)
    return f"{coefficient.capitalize()} with C-OoD accuracy. {'; '.join(said)}."


def left(found: pd.DataFrame, coefficient: str) -> str:
    """Which coefficients stay sure whatever is held fixed, as a sentence; see `given_each`."""
    rows = lost(found, coefficient, BOUNDS[coefficient])
    if rows.empty:
        return "No interval leaves out 0 to begin with."
    kept = rows[rows["lost_given"] == ""]
    gone = rows["lost_given"].str.split(", ").explode()
    counted = gone[gone != ""].value_counts()
    said = f"Of {len(rows)} coefficients whose interval leaves out 0, {len(kept)} keep such an "
    said += "interval whatever single thing is held fixed"
    said += f": {_listed(kept)}" if len(kept) else ""
    if len(counted):
        most = ", ".join(f"{name} {n}" for name, n in counted.items())
        said += f". How many are lost when a thing is held fixed: {most}"
    return f"{said}."


def fixed(names: Collection[str]) -> str:
    """Which sizes do not vary, as a sentence."""
    if not names:
        return "All sizes that are known vary over the models."
    return (
        f"Not held fixed, as they do not vary, are known of few, or order the models as another "
        "one does: "
        f"{', '.join(names)}."
    )


def _listed(rows: pd.DataFrame) -> str:
    names = rows["metric"].str.replace("_", " ") + " of " + rows["space"] + "s"
    return ", ".join(names)


def _ranges(table: pd.DataFrame, columns: list[str]) -> list[str]:
    return [
        " to ".join(dict.fromkeys((f"{a:.2f}", f"{b:.2f}")))
        for a, b in table[columns].to_numpy(float)
    ]
