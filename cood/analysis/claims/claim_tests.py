"""The statistic that tests each claim.

`STATISTICS` holds one function a claim. It takes the evidence and returns an effect for each test
that `claims.yaml` names, or raises `Untestable` with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from cood.analysis.claims.evidence import (
    ID,
    Effect,
    Evidence,
    Untestable,
    against,
    in_selections,
    in_ways,
    values_of,
)
from cood.analysis.metric_correlations import (
    KEYS,
    add_excess,
    composite,
    correlate_metrics,
    holm,
    with_control,
)
from cood.analysis.results import percent, plain_rows, rows_with
from cood.analysis.stats import jackknife
from cood.analysis.stats.regression import effective_robustness
from cood.analysis.topics.accuracy import about_image_encoders, image_encoder_table, language_gap
from cood.analysis.topics.dimension_swap import Choice, choices
from cood.analysis.topics.diversity import caption_table
from cood.analysis.topics.factor_sets import against_composing, load_factors
from cood.analysis.topics.training_dynamics import load_training_dynamics
from cood.errors import StudyError
from cood.evaluation.accuracy.retrieval import COMPOSED, FORMS, Form
from cood.evaluation.interventions.dimension_swap import NEARER
from cood.metrics.rank import DEFINITIONS

# The metrics that the papers name, or that those who cite them do.
NAMED = ("z_diff", "explicitness", "dci_completeness", "dci_informativeness", "dcimig")
Z_DIFF = ("z_diff", "z_diff_single", "z_diff_strict")
# Families of the two groups of C4.
LARGE, SMALL = ("openai", "laion400m", "laion2b"), ("yfcc15m", "cc12m")


def spread(evidence: Evidence) -> dict[str, Effect]:
    """C1: the model closest to chance, and the best less the worst."""
    known = evidence.outside.dropna(subset=["value", "low", "high"])
    if len(known) < 2:
        raise Untestable("Fewer than two models have an accuracy with an interval.")
    about = {"n": len(known), "families": evidence.models.loc[known.index, "family"].nunique()}
    z = stats.norm.ppf(1 - (1 - evidence.results.study.evaluation.level) / 2)
    error = (known["high"] - known["low"]) / (2 * z)
    # All models are asked about, so the least sure of them decides, without a correction.
    least = (known["low"] - known["chance"]).idxmin()
    row = known.loc[least]
    above, low, high = (float(row[c] - row["chance"]) for c in ("value", "low", "high"))
    closest = Effect(
        "accuracy less chance",
        *(above, low, high, _guessing_p(row, error[least])),
        **about,
        typical=float(known["value"].median()),
        chance=float(known["chance"].median()),
        note=f"Closest to chance is {least}, with {percent(*row[['value', 'low', 'high']])}; "
        f"chance is {percent(row['chance'])}.",
    )
    # The best and the worst were chosen by their accuracy: an interval for all pairs at once.
    best, worst = known["value"].idxmax(), known["value"].idxmin()
    pairs = len(known) * (len(known) - 1) / 2
    apart = known.loc[best, "value"] - known.loc[worst, "value"]
    both = float(np.hypot(error[best], error[worst]))
    reach = stats.norm.ppf(1 - 0.025 / pairs) * both
    widest = Effect(
        "best accuracy less worst",
        *(apart, apart - reach, apart + reach),
        min(1.0, pairs * _normal_p(apart, both)),
        **about,
        note=f"{best} has {percent(known.loc[best, 'value'])}, {worst} "
        f"{percent(known.loc[worst, 'value'])}.",
    )
    return {"lowest above chance": closest, "best above worst": widest}


def _guessing_p(row: pd.Series, error: float) -> float:
    # Binomial, with as many images as would give this error if no two were alike (Rao and Scott
    # 1981): near 0 the distribution is too skewed for a normal one.
    one = row["value"] * (1 - row["value"])
    n = min(row["n"], one / error**2) if error > 0 else row["n"]
    test = stats.binomtest(round(row["value"] * n), round(n), row["chance"])
    return float(test.pvalue)


def _normal_p(value: float, error: float) -> float:
    if value == 0:
        return 1.0
    return float(2 * stats.norm.sf(abs(value) / error)) if error > 0 else 0.0


def with_in_distribution(evidence: Evidence) -> dict[str, Effect]:
    """C2: ID accuracy."""
    note = f"ID accuracy is the accuracy {evidence.inside.meaning}."
    return {ID: against(evidence, evidence.inside.values["value"], skip=[ID], note=note)}


def with_size(evidence: Evidence) -> dict[str, Effect]:
    """C3: the size of the pre-training set, or what is varied here in its place."""
    models = evidence.models
    if evidence.results.study.trained:
        name, x = "share of compositions", models["share"]
        note = (
            "In place of the size of a pre-training set stands the share of compositions that the "
            "captions name; no real pre-training set is compared."
        )
    elif "pairs" in models:
        name, x = "size of the training set", np.log(models["pairs"])
        note = "The size is the logarithm of the number of pairs; curation is no part of it."
    else:
        raise Untestable("The sizes of the pre-training sets are not known.")
    return {"size of the training set": against(evidence, x, skip=[name], note=note)}


def above_the_line(evidence: Evidence) -> dict[str, Effect]:
    """C4: effective robustness of families of large pre-training sets less that of small ones."""
    residual, _ = effective_robustness(evidence.inside.values["value"], evidence.accuracy)
    means = residual.dropna().groupby(evidence.models["family"]).mean()
    sides = [means[means.index.isin(side)] for side in (LARGE, SMALL)]
    if min(map(len, sides)) < 2:
        raise Untestable(
            f"It needs checkpoints of two families at least of {', '.join(LARGE)}, and of "
            f"{' and '.join(SMALL)}, and their ID accuracy."
        )
    test = stats.ttest_ind(*sides, equal_var=False)
    low, high = test.confidence_interval(0.95)
    n = int(evidence.models.loc[residual.dropna().index, "family"].isin([*LARGE, *SMALL]).sum())
    effect = Effect(
        "C-OoD accuracy above the line",
        *(float(sides[0].mean() - sides[1].mean()), float(low), float(high), float(test.pvalue)),
        n=n,
        families=sum(map(len, sides)),
        note="Means of families are compared (Welch's test); supervised models are not among them.",
    )
    return {"above the line": effect}


def with_captions(evidence: Evidence) -> dict[str, Effect]:
    """C5: NMI of attribute and object in the captions."""
    if not evidence.results.study.trained:
        raise Untestable("The training captions of its models are not at hand.")
    table = caption_table(evidence.results.study).set_index("model")
    effect = against(
        evidence,
        table["geometric"],
        chance=table["shuffled"],
        ways=in_ways(evidence, {k: table[k] for k in ("arithmetic", "corrected", "information")}),
        note="The share of compositions sets the NMI here, so that the two are not told apart.",
    )
    return {"caption NMI": effect}


def _of_set(evidence: Evidence, spaces: Sequence[str], given: str | None = None) -> Effect:
    """The named metrics of some spaces, their mean rank, and each by itself."""
    results, accuracy = evidence.results, evidence.accuracy
    scores = results.scores
    scores = scores[scores["metric"].isin(NAMED) & scores["space"].isin(spaces)]
    named = replace(results, scores=scores)
    whole = replace(results, scores=plain_rows(scores))
    third = evidence.controls.get(ID)
    try:
        plain = correlate_metrics(whole, accuracy, NAMED, split="unseen")
    except StudyError as error:
        raise Untestable("The study has none of these metrics.") from error
    partial = plain.assign(pearson=np.nan)
    if third is not None:
        partial = correlate_metrics(whole, accuracy, NAMED, split="unseen", given=third)
    first, others = composite(add_excess(named, NAMED), NAMED)
    members = with_control(plain if given is None else partial, partial, "pearson")
    members = members.assign(
        set=results.set, **{c: plain[c].to_numpy() for c in ("median", "chance")}
    )
    return against(
        evidence,
        first,
        given=given,
        members=members,
        ways=in_ways(evidence, {str(i): x for i, x in enumerate(others)}),
        note=_said_of(plain),
    )


def _said_of(plain: pd.DataFrame) -> str:
    # Which of them a mean rank is of, and which tell no two models apart.
    names = (plain["metric"].str.replace("_", " ") + " of " + plain["space"] + "s").tolist()
    same = [
        n
        for n, low, high in zip(names, plain["lowest"], plain["highest"], strict=True)
        if low == high
    ]
    said = f"The mean rank is of {len(names)} metrics: {', '.join(names)}."
    return said + (f" The same for all models: {', '.join(same)}." if same else "")


def with_texts(evidence: Evidence) -> dict[str, Effect]:
    """C6: the named metrics of texts."""
    return {"metrics of texts": _of_set(evidence, ["text"])}


def with_images(evidence: Evidence) -> dict[str, Effect]:
    """C7: the named metrics of images."""
    return {"metrics of images": _of_set(evidence, ["image"])}


def given_in_distribution(evidence: Evidence) -> dict[str, Effect]:
    """C15: the named metrics of both spaces, given ID accuracy."""
    return {"metrics given ID accuracy": _of_set(evidence, ["image", "text"], given=ID)}


def over_training(evidence: Evidence) -> dict[str, Effect]:
    """C8: Z-diff of texts less images after training, and the slope of that of images."""
    if not evidence.results.study.trained:
        raise Untestable("No model is followed over its training.")
    table = load_training_dynamics(evidence.results.study)
    table = table[table["metric"].isin(Z_DIFF)]
    last = table[table["step"] == table.groupby("model")["step"].transform("max")]
    ends = last.pivot(index="model", columns=["metric", "space"], values="value")
    apart = {m: ends[m, "text"] - ends[m, "image"] for m in Z_DIFF if m in ends}
    slopes: dict[str, pd.Series] = {}
    for name in apart:
        rows = table[(table["metric"] == name) & (table["space"] == "image")]
        slopes[name] = pd.Series(
            {
                model: np.polyfit(np.log2(1 + part["step"]), part["value"], 1)[0]
                for model, part in rows.groupby("model")
            }
        )
    if Z_DIFF[0] not in apart:
        raise Untestable("Z-diff was not followed over training.")
    full = int((ends[Z_DIFF[0]] == 1).all(axis=1).sum())
    note = f"As published, Z-diff is 1 for texts and images alike after training in {full} models."
    found = {}
    for name, kind, values in (
        ("texts above images", "Z-diff of texts less images", apart),
        ("images grow", "slope per doubling of the step", slopes),
    ):
        family = evidence.models["family"].reindex(values[Z_DIFF[0]].index).to_numpy()
        mean, low, high, p, without = jackknife.mean(values[Z_DIFF[0]].to_numpy(), family)
        if np.isnan(low):
            raise Untestable("All models that were followed are of one family.")
        found[name] = Effect(
            *(kind, mean, low, high, p, len(family), len(without)),
            least=float(without.min()),
            most=float(without.max()),
            ways=tuple(float(values[m].mean()) for m in values if m != Z_DIFF[0]),
            note=note,
        )
    return found


def with_rank(evidence: Evidence) -> dict[str, Effect]:
    """C9: soft rank of texts and of images."""
    scores = evidence.results.scores
    ranks = scores[scores["metric"].isin(DEFINITIONS) & (scores["split"] == "unseen")]
    ranks = ranks[ranks["set"] == evidence.results.set]
    found = {}
    for space in ("text", "image"):
        where = {"metric": "numerical_rank_0.1", "space": space}
        x = values_of(evidence, f"soft rank of {space}s", split="unseen", **where)
        rest = rows_with(ranks, space=space)
        rest = rest.drop(plain_rows(rest, **where).index)
        groups = rest.groupby(KEYS, sort=False, dropna=False)
        ways = {str(key): rows.set_index("model")["value"] for key, rows in groups}
        found[f"soft rank of {space}s"] = against(
            evidence,
            x["value"],
            ways=in_ways(evidence, ways),
            note="The paper's formula is not known; the other ways are all definitions in use.",
        )
    return found


def with_retrieval(evidence: Evidence) -> dict[str, Effect]:
    """C10: composed retrieval."""
    where = {"metric": "retrieval_top5", "split": "unseen"}
    first = Form("swap")
    x = values_of(evidence, "composed retrieval", **vars(first), **where)
    others = [vars(form) for form in FORMS if form.query in COMPOSED and form != first]
    ways = in_selections(evidence, others, space="image", **where)
    effect = against(evidence, x["value"], chance=x["chance"], ways=ways)
    return {"composed retrieval": effect}


def with_factors(evidence: Evidence) -> dict[str, Effect]:
    """C11: the named metrics of the images of the factor sets."""
    study = evidence.results.study
    if not study.factor_sets:
        raise Untestable("The study has no factor sets.")
    results = load_factors(str(study.file))
    zoo = results.models[results.models["model"].isin(evidence.models.index)]
    results = replace(results, models=zoo)
    scores = results.scores
    scores = scores[scores["model"].isin(zoo["model"]) & scores["metric"].isin(NAMED)]
    scores = rows_with(scores, factor="", null="", split="all")
    measured = [m for m in NAMED if m in set(scores["metric"])]
    every = {}
    for side, part in scores.groupby(["space", "granularity"]):
        wide = part.pivot(index="model", columns=["set", "metric"], values="value")
        every[side] = wide.rank(pct=True).mean(axis=1)
    first = ("image", "words")
    if first not in every:
        raise Untestable("The study has none of these metrics on its factor sets.")
    members = against_composing(results, evidence.accuracy, measured)
    members = members[(members["space"] == "image") & (members["granularity"] == "words")]
    members = members.assign(p=members["pearson_p"], holm=holm(members["pearson_p"]))
    medians = scores.groupby(["set", "metric", "space", "granularity"])["value"].median()
    members = members.join(medians.rename("median"), on=medians.index.names)
    effect = against(
        evidence,
        every[first],
        members=members,
        ways=in_ways(evidence, {" ".join(k): x for k, x in every.items() if k != first}),
        note=f"The mean rank of {len(members)} values is taken: {len(measured)} metrics on "
        f"{' and '.join(study.factor_sets)}.",
    )
    return {"metrics of factor sets": effect}


def with_dimensions(evidence: Evidence) -> dict[str, Effect]:
    """C12: dimensions that attribute and object share, and switching those of the attribute."""
    here = {"split": "all", "space": "image"}
    first = Choice("axes", "forward", "images")
    others = [choice.columns for choice in choices("image") if choice != first]
    shared = {"metric": "shared_dimensions", **here}
    swapped = {"metric": "swapped_pair", "method": "zero_shot", "exchange": NEARER, **here}
    counts, counts_by_chance = (
        values_of(evidence, "shared dimensions", **shared, **first.columns, control=control)
        for control in (False, True)
    )
    exchanged, exchanged_at_random = (
        values_of(evidence, "dimension swap", **swapped, **first.columns, control=control)
        for control in (False, True)
    )
    return {
        "shared dimensions": against(
            evidence,
            counts["value"],
            chance=counts_by_chance["value"],
            ways=in_selections(evidence, others, **shared),
            note="How the paper chooses dimensions is not known; others are among the ways.",
        ),
        "switching": against(
            evidence,
            exchanged["value"],
            chance=exchanged_at_random["value"],
            ways=in_selections(evidence, others, **swapped),
            note="The null exchanges as many random dimensions.",
        ),
    }


def image_encoders(evidence: Evidence) -> dict[str, Effect]:
    """C13: CLIPs and towers that were trained on images alone, read by the same linear probes."""
    if not evidence.results.study.image_encoders:
        raise Untestable("The study has no model that was trained on images alone.")
    gap = language_gap(image_encoder_table(evidence.results, evidence.metric))
    if np.isnan(gap.value):
        raise Untestable(f"{str(gap)[0].upper()}{str(gap)[1:]}.")
    if not gap.inside:
        raise Untestable(
            "No family of image-only towers has an ID accuracy within the range of the CLIPs, so a "
            "comparison at the same ID accuracy would rest on a line drawn beyond what was seen."
        )
    effect = Effect(
        "difference at the same ID accuracy",
        *(gap.value, gap.low, gap.high, gap.p),
        n=gap.clips + gap.towers,
        families=gap.clip_families + gap.image_encoder_families,
        note=f"Linear probes read all of them. {about_image_encoders(evidence.results)} {gap.inside} of "
        f"{gap.image_encoder_families} trained families of these lie within the CLIPs' ID accuracy.",
    )
    return {"CLIPs above image-only": effect}


STATISTICS: dict[str, Callable[[Evidence], dict[str, Effect]]] = {
    "C1": spread,
    "C2": with_in_distribution,
    "C3": with_size,
    "C4": above_the_line,
    "C5": with_captions,
    "C6": with_texts,
    "C7": with_images,
    "C8": over_training,
    "C9": with_rank,
    "C10": with_retrieval,
    "C11": with_factors,
    "C12": with_dimensions,
    "C13": image_encoders,
    "C15": given_in_distribution,
}
