"""A binomial regression on a table of counts: a parameter a row, fixed, and one a column, ridge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit, log_expit

from cood.errors import CoodError

MOST_STEPS, MOST_HALVINGS = 200, 12
LONGEST_STEP = 5.0  # log odds that a parameter may move in one step
CONVERGED = 1e-7  # log odds
RIDGE = 1.0  # one over the variance of the prior of column effects


class NotConverged(CoodError):
    """The fit did not converge; `row` is the row whose parameter still moves most."""

    def __init__(self, row: int, step: float) -> None:
        self.row, self.step = row, step
        super().__init__(f"no convergence in {MOST_STEPS} steps; row {row} still moves by {step}")


@dataclass(frozen=True)
class BinomialFit:
    """The fitted parameters of a table of counts.

    Attributes
    ----------
    rows, columns
        Log odds of each row [j] in a column whose effect is 0; effect of each column [k].
    right, total
        The counts [j, k].
    """

    rows: np.ndarray
    columns: np.ndarray
    right: np.ndarray
    total: np.ndarray


def fit_binomial(right: np.ndarray, total: np.ndarray) -> BinomialFit:
    """Fit logit p = row + column to counts, by penalised maximum likelihood.

    The objective is the binomial log likelihood, minus half of the sum of squares of the column
    effects (a ridge penalty, or normal prior, of unit variance), plus Firth's penalty on the rows
    (1993): half of the logarithm of the determinant of their information, given the columns. It
    keeps a row finite where all answers are right, or none (Heinze and Schemper 2002), and takes
    away its bias of first order given the columns. In columns without effects, it counts half an
    answer more of either kind. Its derivative adds h (1/2 - p) to the residual of each cell. As
    each cell has one row parameter, h, its hat value, is the share of the cell in the information
    of its row.

    It is solved by Fisher scoring with step halving. The information of the rows is diagonal, so
    only a matrix of columns by columns (the Schur complement) is inverted.

    Parameters
    ----------
    right, total
        Numbers of right answers and of answers [j, k]; `total` may be 0 in some cells, but not in
        a whole row.

    Raises
    ------
    NotConverged
        If the parameters still move after `MOST_STEPS` steps.

    References
    ----------
    Firth (1993), https://doi.org/10.1093/biomet/80.1.27; Heinze and Schemper (2002),
    https://doi.org/10.1002/sim.1047
    """
    hits, images = right.sum(axis=1), total.sum(axis=1)
    rows, columns = np.log((hits + 0.5) / (images - hits + 0.5)), np.zeros(right.shape[1])
    objective = _objective(right, total, rows, columns)
    for _ in range(MOST_STEPS):
        row_step, column_step = _scoring_step(right, total, rows, columns)
        largest = max(np.abs(row_step).max(), np.abs(column_step).max())
        length = min(1.0, LONGEST_STEP / largest) if largest > 0 else 1.0
        for _ in range(MOST_HALVINGS):
            trial = rows + length * row_step, columns + length * column_step
            value = _objective(right, total, *trial)
            if value >= objective - CONVERGED:  # rounding must not halve the last step
                break
            length /= 2
        (rows, columns), objective = trial, value
        if largest < CONVERGED:
            return BinomialFit(rows, columns, right, total)
    moves = int(np.abs(row_step).argmax())
    raise NotConverged(moves, float(abs(row_step[moves])))


def _cells(
    right: np.ndarray, total: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each cell [j, k]: its residual, its information, and what Firth's penalty adds."""
    p = expit(rows[:, None] + columns)
    weights = total * p * (1 - p)
    hat = weights / weights.sum(axis=1, keepdims=True)
    return right - total * p, weights, hat * (0.5 - p)


def _objective(
    right: np.ndarray, total: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> float:
    logits = rows[:, None] + columns
    _, weights, _ = _cells(right, total, rows, columns)
    likelihood = (right * log_expit(logits) + (total - right) * log_expit(-logits)).sum()
    firth = np.log(weights.sum(axis=1)).sum() / 2
    return float(likelihood + firth - RIDGE * (columns**2).sum() / 2)


def _scoring_step(
    right: np.ndarray, total: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The step of Fisher scoring for rows [j] and columns [k]."""
    residual, weights, firth = _cells(right, total, rows, columns)
    score = residual + firth
    information = weights.sum(axis=1)
    share = weights / information[:, None]
    schur = np.diag(weights.sum(axis=0) + RIDGE) - weights.T @ share
    row_score, column_score = score.sum(axis=1), score.sum(axis=0) - RIDGE * columns
    column_step = np.linalg.solve(schur, column_score - share.T @ row_score)
    return row_score / information - share @ column_step, column_step


def leave_column_out(fit: BinomialFit) -> np.ndarray:
    """How far each row parameter moves without each column: one step of Fisher scoring [k, j].

    The step starts from the fit. It takes the gradient and the information of the objective
    without that column and its effect, so the other column effects move too.

    Every row must have answers in two columns or more.
    """
    residual, weights, firth = _cells(fit.right, fit.total, fit.rows, fit.columns)
    hat = weights / weights.sum(axis=1, keepdims=True)
    # Without a column, the hat values of the others in a row grow, so that they add to 1 again.
    grow = hat / (1 - hat)
    row_gradient = grow * (firth.sum(axis=1, keepdims=True) - firth) - residual - firth
    column_gradient = grow.T @ firth  # of the other column [left out, other]
    np.fill_diagonal(column_gradient, 0)
    share = weights / (weights.sum(axis=0) + RIDGE)
    gradient = row_gradient - share @ column_gradient.T
    information = np.diag(weights.sum(axis=1)) - share @ weights.T
    moves = np.empty(weights.T.shape)
    diagonal = np.diag_indices(len(weights))
    for k, missing in enumerate(weights.T):
        without = information + np.outer(missing, share[:, k])
        without[diagonal] -= missing
        moves[k] = cho_solve(cho_factor(without, overwrite_a=True), gradient[:, k])
    return moves
