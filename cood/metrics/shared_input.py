"""Checked input of all metrics, and what several of them compute from it, computed once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cood.device_arrays import on_host
from cood.metrics.checks import Data
from cood.metrics.coverage import Coverage, coverage
from cood.metrics.discriminant import StandardisedRows, split_rows, standardise
from cood.metrics.mutual_information import Information, mutual_information


@dataclass(frozen=True)
class SharedInput:
    """Checked codes and factors, a seed, and intermediate results that metrics share.

    Attributes
    ----------
    data
        Checked codes [n, d] and factors [n, m].
    seed
        Seed of everything that is drawn.
    """

    data: Data
    seed: int

    @property
    def rng(self) -> np.random.Generator:
        """A fresh generator: each metric draws the same, whichever others are computed."""
        return np.random.default_rng(self.seed)

    @cached_property
    def array(self) -> np.ndarray:
        """The codes as an array of NumPy, wherever they are."""
        return on_host(self.data.codes)

    @cached_property
    def information(self) -> Information:
        """Mutual information of each dimension and factor."""
        return mutual_information(self.data.codes, self.data.factors)

    @cached_property
    def coverage(self) -> Coverage:
        """How well each factor is encoded at all."""
        return coverage(self.data, rng=self.rng.spawn(1)[0])

    @cached_property
    def rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Indices of the rows to fit on, and of those to test on."""
        return split_rows(len(self.data.codes), None, self.rng)

    @cached_property
    def standardised(self) -> StandardisedRows:
        """The rows to fit on, standardised, with their Gram matrix."""
        return standardise(self.data.codes, self.rows[0])
