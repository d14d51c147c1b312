"""Outcomes of models from counts of their answers, as the analysis plan defines them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cood.analysis.answer_counts import load_answer_counts
from cood.analysis.outcomes.binomial import NotConverged, fit_binomial, leave_column_out
from cood.analysis.reference import ANSWERS_FILE
from cood.analysis.results import Results
from cood.errors import CoodError, StudyError
from cood.files import read_table
from cood.vocabulary import Vocabulary

LEAST = 2  # seen compositions, and unseen ones, that a model needs: the jackknife leaves one out
FITTED = ("id", "id_error", "cood", "cood_error", "gap", "gap_error")


def empirical_logit(right: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Log odds of being right, log((r + 1/2) / (n - r + 1/2)); finite, and NaN without answers.

    Parameters
    ----------
    right, n
        Numbers of right answers and of answers, of the same shape.

    References
    ----------
    Haldane (1956), https://doi.org/10.1111/j.1469-1809.1955.tb01285.x
    """
    logits = np.log((right + 0.5) / (n - right + 0.5))
    return np.where(n > 0, logits, np.nan)


def fit_outcomes(counts: pd.DataFrame) -> pd.DataFrame:
    """Log odds of each model on the compositions that it has seen, and on the others.

    One binomial regression of all models, logit p = a + g u + c, on the right pairs, without the
    core. The a and g of a model, with u = 1 on what it has not seen, have Firth's penalty, which is
    the same for a and a + g; the effect c of a composition is that of all models, with a ridge
    penalty of unit variance. See `fit_binomial`. The standard errors are those of the jackknife
    over compositions, by one step of Fisher scoring; they include how much a level depends on
    which compositions are tested.

    Parameters
    ----------
    counts
        As `cood.analysis.answer_counts.load_answer_counts` gives them, of one set.

    Returns
    -------
    pandas.DataFrame
        Indexed by model, in the order of `counts`: `id` (a, called y0), `cood` (a + g, y1) and
        `gap` (g, y2) in log odds, each with its standard error (`id_error` and so on). NaN for a
        model with fewer than `LEAST` seen, or unseen, compositions. An error is NaN where all
        answers that it would come from are right, or none is: the jackknife then says nothing.

    Raises
    ------
    StudyError
        If a model has several rows for a composition.
    CoodError
        If the fit does not converge.
    """
    repeated = counts.duplicated(["model", "composition"])
    if repeated.any():
        first = counts[repeated].iloc[0]
        raise StudyError(
            f"answer counts: model {first['model']} has several rows for composition "
            f"{first['composition']}; pass the counts of one set"
        )
    outside = counts[~counts["core"].to_numpy(bool)]
    kinds = outside.groupby("model")["seen"].agg(["sum", "size"])
    enough = (kinds["sum"] >= LEAST) & (kinds["size"] - kinds["sum"] >= LEAST)
    fitted = outside[outside["model"].isin(enough.index[enough])]
    table = pd.DataFrame(
        np.nan, index=pd.Index(counts["model"].unique(), name="model"), columns=list(FITTED)
    )
    if len(fitted):
        table.update(_fit(fitted))
    return table


def _fit(counts: pd.DataFrame) -> pd.DataFrame:
    # A row for a model on what it has seen, then one for each model on what it has not.
    wide = {
        name: counts.pivot(index=["seen", "model"], columns="composition", values=name)
        .sort_index(ascending=[False, True])
        .fillna(0)
        for name in ("pair", "n")
    }
    names = wide["n"].loc[True].index
    right, total = (wide[name].to_numpy(float) for name in ("pair", "n"))
    try:
        fit = fit_binomial(right, total)
    except NotConverged as error:
        model = names[error.row % len(names)]
        raise CoodError(
            f"outcomes: the fit does not converge; model {model} still moves by "
            f"{error.step:.2g} log odds; look at its counts of right answers"
        ) from error
    seen, unseen = fit.rows.reshape(2, -1)
    moves = leave_column_out(fit).reshape(right.shape[1], 2, -1)
    hits, images = (x.sum(axis=1).reshape(2, -1) for x in (right, total))
    mixed = (hits > 0) & (hits < images)
    values = {
        "id": seen,
        "id_error": np.where(mixed[0], _jackknife_error(moves[:, 0]), np.nan),
        "cood": unseen,
        "cood_error": np.where(mixed[1], _jackknife_error(moves[:, 1]), np.nan),
        "gap": unseen - seen,
        "gap_error": np.where(
            mixed.all(axis=0), _jackknife_error(moves[:, 1] - moves[:, 0]), np.nan
        ),
    }
    return pd.DataFrame(values, index=names)


def _jackknife_error(moves: np.ndarray) -> np.ndarray:
    """Standard errors [m] from how far estimates move without each composition [k, m]."""
    k = len(moves)
    return np.sqrt((k - 1) / k * (moves**2).sum(axis=0))


def crossed_outcomes(counts: pd.DataFrame, words: Vocabulary) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Outcomes on each of two halves of the compositions, as `fit_outcomes` gives them.

    The halves are the two colours of a chessboard of attributes by objects, so that each word has
    half of its partners in either. No image or composition is in both.
    """
    ids = counts["composition"].to_numpy()
    colour = (words.attribute_of(ids) + words.object_of(ids)) % 2
    models = pd.Index(counts["model"].unique(), name="model")
    first, second = (fit_outcomes(counts[colour == half]).reindex(models) for half in (0, 1))
    return first, second


def study_counts(results: Results) -> pd.DataFrame:
    """Counts of the answers of the selected models to the selected set of a study.

    Of a run, or of the reference run that the results were published in; null models and
    repetitions of points of the design are left out.
    """
    if results.reference is None:
        counts = load_answer_counts(results.study)
    else:
        counts = read_table(results.reference / ANSWERS_FILE)
    chosen = (counts["set"] == results.set) & counts["model"].isin(results.models["model"])
    return counts[chosen.to_numpy(bool)].reset_index(drop=True)


def outcomes(results: Results) -> pd.DataFrame:
    """Outcomes of the models of a study, indexed by model in the order of its table.

    Parameters
    ----------
    results
        The tables of a study.

    Returns
    -------
    pandas.DataFrame
        Where models have draws of compositions of their own: the columns of `fit_outcomes`, and
        empirical logits of the accuracy on the core (`core`), and on seen and unseen compositions
        outside it (`id_empirical`, `cood_empirical`). In a study without draws, such as one of
        published checkpoints, `cood` only: the empirical logit of the accuracy on all compositions.
        NaN for models that could not be loaded.
    """
    models = pd.Index(results.models["model"], name="model")
    counts = study_counts(results)
    core, seen = counts["core"].to_numpy(bool), counts["seen"].to_numpy(bool)
    if not seen.any():
        return pd.DataFrame({"cood": _logits(counts).reindex(models)})
    table = fit_outcomes(counts).reindex(models)
    parts = {"core": core, "id_empirical": seen & ~core, "cood_empirical": ~seen & ~core}
    return table.assign(**{name: _logits(counts[rows]) for name, rows in parts.items()})


def _logits(counts: pd.DataFrame) -> pd.Series:
    """Empirical logit of the right pairs of each model."""
    sums = counts.groupby("model")[["pair", "n"]].sum()
    values = empirical_logit(sums["pair"].to_numpy(), sums["n"].to_numpy())
    return pd.Series(values, index=sums.index)
