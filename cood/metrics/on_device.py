"""Sums over the rows of codes that are tensors of torch, on the device where they are.

Each function does with a tensor what its caller does with an array of NumPy. Sums are in double
precision, and their order is the same in each run. Blocks of rows or columns bound the memory: at
most `BLOCK` numbers are worked on at a time.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch

from cood.device_arrays import moved, on_host
from cood.metrics.common import row_slices

BLOCK = 2**24  # numbers worked on at a time: 128 MB


def sums_from_first(codes: torch.Tensor, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums [d] of some rows and of their squares, seen from the first of them."""
    total, square = torch.zeros(2, codes.shape[1], dtype=torch.float64, device=codes.device)
    first = codes[rows[0]].double()
    for part in moved(rows, codes.device).split(_step(codes)):
        shifted = codes[part].double() - first
        total += shifted.sum(dim=0)
        square += shifted.square().sum(dim=0)
    return on_host(total), on_host(square)


def add_by_class(sums: torch.Tensor, codes: torch.Tensor, ids: torch.Tensor) -> None:
    """Add codes [n, d], in double precision, to the sums [size, d] of their classes [n]."""
    # A product, not `index_add_`, whose order of addition is another in each run.
    classes = torch.arange(len(sums), device=codes.device)
    for rows in row_slices(len(codes), max(1, BLOCK // len(sums))):
        sums += (ids[rows] == classes[:, None]).double() @ codes[rows]


def rank_sums(scores: torch.Tensor, ids: np.ndarray) -> np.ndarray:
    """For each class, twice the sum [K] of the ranks of its rows by its scores [n, K].

    Rows with equal scores share their mean rank. Rows of other classes have ids from K.
    """
    n, size = scores.shape
    order = np.argsort(ids, kind="stable")
    counts = np.bincount(ids, minlength=size)
    places = np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)
    found = np.empty(size, dtype=np.int64)
    for some in row_slices(size, max(1, BLOCK // n)):
        columns = scores[:, some].T.contiguous()
        of_class = ids[order] - some.start
        mine = np.flatnonzero((of_class >= 0) & (of_class < len(columns)))
        row, place, own = (
            moved(index, scores.device) for index in (of_class[mine], places[mine], order[mine])
        )
        most = max(1, int(counts[some][: len(columns)].max()))
        queries = columns.new_full((len(columns), most), torch.inf)
        asked = torch.zeros_like(queries, dtype=torch.bool)
        queries[row, place], asked[row, place] = columns[row, own], True
        ordered = columns.sort(dim=1).values
        twice = 1 + sum(torch.searchsorted(ordered, queries, right=end) for end in (False, True))
        found[some] = on_host((twice * asked).sum(dim=1))
    return found


def mean_differences(
    codes: torch.Tensor, first: np.ndarray, second: np.ndarray, batch: int
) -> torch.Tensor:
    """As `cood.metrics.pairs.mean_differences`."""
    points, d = len(first) // batch, codes.shape[1]
    left, right = (moved(rows[: points * batch], codes.device) for rows in (first, second))
    result = codes.new_empty((points, d))
    step = max(1, BLOCK // (batch * d))
    for some in row_slices(points, step):
        rows = slice(some.start * batch, some.stop * batch)
        apart = (codes[left[rows]] - codes[right[rows]]).abs().view(-1, batch, d)
        result[some] = apart.mean(dim=1, dtype=torch.float64).to(codes.dtype)
    return result


def batch_variances(codes: torch.Tensor, rows: np.ndarray) -> torch.Tensor:
    """As `cood.metrics.pairs.batch_variances`, and with the same ties.

    Rows are added one after the other, as NumPy does it; divisors are tensors, as torch would
    multiply by the inverse of a number.
    """
    points, batch = rows.shape
    result = codes.new_empty((points, codes.shape[1]))
    of_all, of_freedom = (codes.new_full((), float(size)) for size in (batch, batch - 1))
    for some in row_slices(points, max(1, BLOCK // (batch * codes.shape[1]))):
        # The rows of a batch one after the other, each for all points.
        z = codes[moved(np.ascontiguousarray(rows[some].T), codes.device)]
        z -= _in_turn(z) / of_all
        result[some] = _in_turn(z.square_()) / of_freedom
    return result


def _in_turn(rows: torch.Tensor) -> torch.Tensor:
    total = rows[0].clone()
    for row in rows[1:]:
        total += row
    return total


def first_least(variances: torch.Tensor, tie: float, none: float) -> np.ndarray:
    """The first column [n] of those that are least, to within a share and a difference."""
    least = variances.amin(dim=1, keepdim=True)
    return on_host((variances <= (1 + tie) * least + none).byte().argmax(dim=1))


def deviation(codes: torch.Tensor) -> np.ndarray:
    """Standard deviation [d] of each dimension."""
    centre = moved(mean(codes), codes.device)
    square = sum((part - centre).square().sum(dim=0) for part in codes.split(_step(codes)))
    return on_host((square / len(codes)).sqrt())


def columns_divided(codes: torch.Tensor, columns: np.ndarray, by: np.ndarray) -> torch.Tensor:
    """Some columns [n, k] of codes, divided by as many numbers."""
    divisors, index = moved(by, codes.device), moved(columns, codes.device)
    result = codes.new_empty((len(codes), len(columns)))
    for rows in row_slices(len(codes), _step(codes)):
        result[rows] = codes[rows][:, index] / divisors
    return result


def columns_centred(codes: torch.Tensor, columns: np.ndarray) -> torch.Tensor:
    """Some columns [n, k] of codes, about their means."""
    z = codes[:, moved(columns, codes.device)]
    z -= moved(mean(z), codes.device).to(z.dtype)
    return z


def entropies(
    codes: torch.Tensor, edges: np.ndarray, labels: np.ndarray, terms: np.ndarray
) -> np.ndarray:
    """Entropies [1 + k, d] of each dimension in bins, then of its tables with each of the labels.

    Parameters
    ----------
    codes
        [n, d].
    edges
        [d, bins - 1], between the bins of each dimension, of the type of the codes.
    labels
        Ids [k, n] from 0.
    terms
        ``c log c`` of the counts c up to n.
    """
    n, d = codes.shape
    bins, logs = edges.shape[1] + 1, moved(terms, codes.device)
    ids = [moved(label, codes.device) for label in (np.zeros(n, dtype=np.int64), *labels)]
    sizes = [int(label.max()) + 1 for label in ids]
    found = np.empty((1 + len(labels), d))
    for some in row_slices(d, max(1, BLOCK // max(n, bins * max(sizes)))):
        columns, between = codes[:, some].T.contiguous(), moved(edges[some], codes.device)
        places = torch.searchsorted(between, columns, right=True)
        each = torch.arange(len(columns), device=codes.device)[:, None]
        for k, (label, size) in enumerate(zip(ids, sizes, strict=True)):
            cells = (each * size + label) * bins + places
            counts = torch.bincount(cells.ravel(), minlength=len(columns) * size * bins)
            inside = logs[counts.view(len(columns), -1)].sum(dim=1)
            found[k, some] = on_host(np.log(n) - inside / n)
    return found


def largest_deviations(z: torch.Tensor, order: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Over the values of a factor, the sum [d] of the largest deviations from their mean.

    Rows with one value follow each other in `order`, from `starts`.
    """
    index = moved(order, z.device)
    total = torch.zeros(z.shape[1], dtype=torch.float64, device=z.device)
    for start, stop in pairwise([*starts.tolist(), len(order)]):
        own = z[index[start:stop]]
        total += (own - own.mean(dim=0)).abs().amax(dim=0)
    return on_host(total)


def single_dimension_accuracy(
    codes: torch.Tensor,
    own: np.ndarray,
    present: np.ndarray,
    train: np.ndarray,
    answers: np.ndarray,
    test: np.ndarray,
) -> np.ndarray:
    """Accuracy [d] with which each dimension alone has the mean of the right class nearest.

    `present` are the classes of the rows `train`, `own` the place of each row's among them, and
    `answers` the classes of the rows `test`.
    """
    first, size = codes[train[0]].double(), len(present)
    of_row = moved(own, codes.device)
    sums = torch.zeros(size, codes.shape[1], dtype=torch.float64, device=codes.device)
    for rows in row_slices(len(train), _step(codes)):
        add_by_class(sums, codes[moved(train[rows], codes.device)].double() - first, of_row[rows])
    means = (sums / torch.bincount(of_row, minlength=size)[:, None]).T.contiguous()
    classes, right = moved(present, codes.device), moved(answers, codes.device)
    tested, accuracy = codes[moved(test, codes.device)], np.empty(len(means))
    for some in row_slices(len(means), max(1, BLOCK // (len(test) + size))):
        centres, rank = means[some].sort(dim=1, stable=True)
        between = (centres[:, 1:] + centres[:, :-1]) / 2
        columns = (tested[:, some].double() - first[some]).T.contiguous()
        guess = classes[rank.gather(1, torch.searchsorted(between, columns))]
        accuracy[some] = on_host((guess == right).double().mean(dim=1))
    return accuracy


def triangle(codes: torch.Tensor, unit: bool) -> np.ndarray:
    """Triangle [min(n, d + 1), d + 1] of the QR decomposition of ``[1, codes]``."""
    d = codes.shape[1]
    upper = torch.empty((0, d + 1), dtype=torch.float64, device=codes.device)
    for part in codes.split(_step(codes)):
        block = part.double()
        if unit:
            largest = block.abs().amax(dim=1, keepdim=True)
            block = block / torch.where(largest == 0, 1, largest)
            length = torch.linalg.vector_norm(block, dim=1, keepdim=True)
            block = block / torch.where(length == 0, 1, length)
        ones = block.new_ones((len(block), 1))
        stacked = torch.cat([upper, torch.hstack([ones, block])])
        upper = torch.linalg.qr(stacked, mode="r").R[: d + 1]
    return on_host(upper)


def product(codes: torch.Tensor, origin: np.ndarray, matrix: np.ndarray) -> torch.Tensor:
    """``(codes - origin) @ matrix`` [n, k] in double precision, of the type of the codes."""
    start, right = moved(origin, codes.device), moved(matrix, codes.device)
    result = codes.new_empty((len(codes), matrix.shape[1]))
    for rows in row_slices(len(codes), _step(codes)):
        result[rows] = ((codes[rows] - start) @ right).to(codes.dtype)
    return result


def mean(codes: torch.Tensor) -> np.ndarray:
    """Mean code [d]; that of equal values is exact."""
    first = codes[0].double()
    beyond = sum((part - first).sum(dim=0) for part in codes.split(_step(codes)))
    return on_host(first + beyond / len(codes))


def scatter(codes: torch.Tensor, origin: np.ndarray) -> np.ndarray:
    """``(codes - origin).T @ (codes - origin)`` [d, d]."""
    start = moved(origin, codes.device)
    total = torch.zeros((codes.shape[1],) * 2, dtype=torch.float64, device=codes.device)
    for part in codes.split(_step(codes)):
        centred = part - start
        total += centred.T @ centred
    return on_host(total)


def mean_and_sums(
    codes: torch.Tensor, columns: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean [d], and sums [size, d] of centred codes by each of their columns [n, m]."""
    centre = mean(codes)
    start = moved(centre, codes.device)
    sums = torch.zeros(size, codes.shape[1], dtype=torch.float64, device=codes.device)
    index = moved(columns, codes.device)
    for rows in row_slices(len(codes), _step(codes)):
        centred = codes[rows] - start
        for k in range(columns.shape[1]):
            add_by_class(sums, centred, index[rows, k])
    return centre, on_host(sums)


def squared_errors(
    codes: torch.Tensor, origin: np.ndarray, columns: np.ndarray, solution: np.ndarray
) -> tuple[float, float]:
    """Sums of squares about an origin, and about it and the vectors of their columns [n, m]."""
    total = residual = 0.0
    start, vectors = moved(origin, codes.device), moved(solution, codes.device)
    index = moved(columns, codes.device)
    for rows in row_slices(len(codes), _step(codes)):
        centred = codes[rows] - start
        total += float(centred.square().sum())
        for k in range(columns.shape[1]):
            centred = centred - vectors[index[rows, k]]
        residual += float(centred.square().sum())
    return total, residual


def _step(codes: torch.Tensor) -> int:
    """Rows at a time."""
    return max(1, BLOCK // codes.shape[1])
