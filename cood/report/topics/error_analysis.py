"""What wrong answers to unseen compositions miss: the attribute, the object, or their binding."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cood.analysis.results import Results, percent, pick
from cood.vocabulary import category_of

METRICS = {
    "pair": "pair_top1",
    "attribute": "attribute_top1",
    "object": "object_top1",
    "binding": "binding",
}


def parts_of_accuracy(results: Results) -> dict[str, pd.DataFrame]:
    """Accuracy on unseen compositions of the pair, its parts and their binding, by model."""
    return {kind: pick(results, split="unseen", metric=m) for kind, m in METRICS.items()}


def describe_parts(parts: Mapping[str, pd.DataFrame], least: int) -> str:
    """How often models name the attribute, the object and the pair, as sentences.

    Parameters
    ----------
    parts
        What `parts_of_accuracy` returns.
    least
        Images with both words recognised, below which the binding of one of several models is left
        out.
    """
    n = len(parts["pair"])
    binding = parts["binding"]
    if n > 1:  # of one model, the interval says how little few images tell
        binding = binding[binding["n"] >= least]
    named = [f"the {kind} {_over_models(parts[kind])}" for kind in ("attribute", "object", "pair")]
    which = str(parts["pair"].index[0]) if n == 1 else f"the median of {n} models"
    text = f"On images of unseen compositions, {which} names {', '.join(named)}."
    if binding.empty:
        return f"{text} No model recognises both words, each asked alone, on {least} images."
    return (
        f"{text} On images of which it recognises both words, each asked alone, it names the pair "
        f"{_over_models(binding)}."
    )


def _over_models(accuracy: pd.DataFrame) -> str:
    """Accuracy of one model with its interval, or the median and middle half of several."""
    if len(accuracy) == 1:
        return f"in {percent(*accuracy[['value', 'low', 'high']].iloc[0])} of the cases"
    low, median, high = (percent(accuracy["value"].quantile(q)) for q in (0.25, 0.5, 0.75))
    return f"in {median} (middle half of the models: {low} to {high})"


def category_grid(results: Results, metric: str) -> pd.DataFrame:
    """Accuracy on unseen compositions, models by attribute categories."""
    categories = dict.fromkeys(category_of(a) for a in results.study.vocabulary.attributes)
    columns = {c: pick(results, split="unseen", metric=metric, category=c) for c in categories}
    return pd.DataFrame({name: column["value"] for name, column in columns.items()})


def describe_categories(grid: pd.DataFrame) -> str:
    """Which category is the easiest and which the hardest in the median model, as a sentence."""
    medians = grid.median().dropna().sort_values()
    if len(medians) < 2:
        return "The study has one category of attributes."
    ends = [f"{medians.index[k]} ({percent(medians.iloc[k])})" for k in (-1, 0)]
    which = "the median model" if len(grid) > 1 else "the model"
    return f"For {which}, attributes of {ends[0]} are the easiest and of {ends[1]} the hardest."
