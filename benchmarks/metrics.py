"""Metrics of disentanglement: time and memory, against the way others compute them."""

from __future__ import annotations

import subprocess
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import mutual_info_score

from benchmarks.problem import problem
from cood.metrics.dci import dci
from cood.metrics.information import dcimig_from, mig_from, modularity_from
from cood.metrics.mutual_information import mutual_information
from cood.metrics.prediction import sap
from cood.metrics.sampled import z_diff

N, WIDTH = 5000, 512
PART = 8  # slow peers are timed on so many times fewer dimensions
LARGE = "n 60,000, d 768, 130 attributes, 1,000 objects"
Row = tuple[str, str, str, str]


def rows() -> Iterator[Row]:
    """A row for each piece of work: its name, its cost, the peer's cost, and their ratio."""
    warnings.simplefilter("ignore")
    codes, factors = problem("mixed", N, WIDTH)
    work = f"n {N}, d {WIDTH}"
    yield from _dci(work)
    seconds = _timed(_three_from_information, codes, factors)
    peer = _timed(_column_by_column, codes, factors)
    yield _row(f"MIG, DCIMIG and modularity together, {work}", seconds, "column by column", peer)
    seconds = _timed(z_diff, codes, factors)
    peer = _timed(_point_by_point, codes, factors, 10_000, 5_000)
    memory = f"{_peak(z_diff, codes, factors) / 1e6:.0f} MB above the input"
    name = f"Z-diff, {work}, 2,000 + 1,000 points"
    yield _row(name, seconds, "10,000 + 5,000 points, one at a time", peer, memory)
    many = {"train": 10_000, "test": 5_000, "differ": False}
    seconds = _timed(lambda: z_diff(codes, factors, **many))
    yield _row(f"Z-diff, {work}, 10,000 + 5,000 points", seconds, "one at a time", peer)
    seconds = _timed(sap, codes, factors)
    peer = PART * _timed(lambda: sap(codes[:, ::PART], factors, classifier="svm"))
    yield _row(f"SAP, {work}", seconds, f"support vector machines, {PART} x a part", peer)
    took, peak = _all_metrics()
    yield (
        f"all metrics, with nulls, ranks and linear factorisation, {LARGE}",
        f"{took:.0f} s, {peak:.1f} GB",
        "-",
        "-",
    )


def _dci(work: str) -> Iterator[Row]:
    codes, factors = problem("mixed", N, WIDTH)
    seconds = _timed(dci, codes, factors)
    slower = _timed(lambda: dci(codes, factors, model="xgboost"))
    yield _row(f"DCI by boosted lines, {work}, 70 classes", seconds, "DCI by XGBoost", slower)


def _three_from_information(codes: np.ndarray, factors: np.ndarray) -> None:
    information = mutual_information(codes, factors)
    for score in (mig_from, dcimig_from, modularity_from):
        score(information)


def _column_by_column(codes: np.ndarray, factors: np.ndarray) -> None:
    # Each metric makes its own matrix, as in the published code.
    for _ in range(3):
        for column in codes.T:
            place = np.digitize(column, np.histogram(column, 20)[1][:-1])
            for ids in factors.T:
                mutual_info_score(ids, place)


def _point_by_point(codes: np.ndarray, factors: np.ndarray, train: int, test: int) -> None:
    rng = np.random.default_rng(0)
    rows = [[np.flatnonzero(ids == v) for v in range(ids.max() + 1)] for ids in factors.T]
    points = np.empty((train + test, codes.shape[1]))
    kinds = rng.integers(factors.shape[1], size=train + test)
    for i, k in enumerate(kinds):
        first = rng.integers(len(codes), size=64)
        second = np.array([rng.choice(rows[k][v]) for v in factors[first, k]])
        points[i] = np.abs(codes[first] - codes[second]).mean(axis=0)
    LogisticRegression().fit(points[:train], kinds[:train]).score(points[train:], kinds[train:])


def _all_metrics() -> tuple[float, float]:
    """Seconds and peak memory in GB of all metrics at size, in a process of its own."""
    script = (
        "import resource, time\n"
        "import numpy as np\n"
        "from benchmarks.problem import problem\n"
        "from cood.metrics import directions, linear\n"
        "from cood.metrics import METRICS, metric_table\n"
        "from cood.metrics.rank import rank_table\n"
        "codes, factors = problem('mixed', 60_000, 768, 130, 1_000)\n"
        "probes = np.random.default_rng(0).standard_normal((1_130, 768))\n"
        "start = time.perf_counter()\n"
        "metric_table(codes, factors, metrics=tuple(METRICS))\n"
        "rank_table(codes)\n"
        "fit = linear.fit_additive(codes, factors)\n"
        "linear.r_squared(fit), linear.projected_r_squared(fit, probes)\n"
        "linear.held_out_r_squared(codes, factors)\n"
        "directions.orthogonality(fit), directions.factor_dimension(fit)\n"
        "print(time.perf_counter() - start)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    seconds, peak = done.stdout.split()
    return float(seconds), float(peak)


def _timed(work: Callable[..., Any], *arguments: Any) -> float:
    start = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - start


def _peak(work: Callable[..., Any], *arguments: Any) -> float:
    tracemalloc.start()
    work(*arguments)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return float(peak)


def _row(work: str, seconds: float, peer: str, slower: float, more: str = "") -> Row:
    measured = f"{seconds:.2f} s" + (f"; {more}" if more else "")
    return work, measured, f"{peer}: {slower:.1f} s", f"{slower / seconds:.0f}"
