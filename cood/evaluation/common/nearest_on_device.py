"""The classes nearest to each image, computed by torch on a device such as a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cood.device_arrays import Array, finite_rows, moved, single_precision

if TYPE_CHECKING:
    import torch

ROWS = 1024  # images at a time
BLOCK = 2**26  # similarities at a time: 256 MB
WORK = 4  # times the numbers of a block that its computation holds, at most


def memory_bound(classes: int, width: int) -> int:
    """Bytes of device memory that `nearest_of_units` needs at most, whatever the images.

    The unit texts, and a few blocks of `BLOCK` numbers: of similarities, and of texts or images
    that are being normalised in double precision.
    """
    return 4 * classes * width + 4 * WORK * BLOCK


def nearest_of_units(
    images: Array, unit: torch.Tensor, k: int = 5, *, rows: int = ROWS, block: int = BLOCK
) -> np.ndarray:
    """As `cood.evaluation.common.nearest.nearest`, by torch: indices [n, k] of the nearest texts.

    In single precision without TensorFloat-32. Equal similarities go to the lower index: the
    first largest is taken k times.

    Parameters
    ----------
    images, k
        As there.
    unit
        Texts as `unit_rows` gives them; images are moved to their device.
    rows, block
        Images, and similarities, taken at a time; see `memory_bound`.

    Raises
    ------
    ValueError
        If a value is not finite.
    """
    import torch

    with torch.inference_mode(), single_precision(unit.device):
        k, columns = min(k, len(unit)), max(1, block // rows)
        classes = np.empty((len(images), k), dtype=np.int64)
        for start in range(0, len(images), rows):
            chunk = _unit("images", images[start : start + rows], start, unit.device)
            best = torch.empty((len(chunk), 0), dtype=torch.float32, device=unit.device)
            ids = torch.empty((len(chunk), 0), dtype=torch.int64, device=unit.device)
            for first in range(0, len(unit), columns):
                scores, here = _top(chunk @ unit[first : first + columns].T, k)
                # Those of lower index come first, so ties still go to them.
                best, order = _top(torch.hstack([best, scores]), k)
                ids = torch.hstack([ids, first + here]).gather(1, order)
            classes[start : start + rows] = ids.cpu().numpy()
    return classes


def refuse_infinite(name: str, finite: np.ndarray) -> None:
    """Refuse vectors of which not all rows are `finite` [n]."""
    if not finite.all():
        raise ValueError(f"{name}: row {int(np.argmin(finite))} holds a value that is not finite")


def _top(scores: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The k highest scores [n, k] of each row, best first, and their columns; `scores` is used up.

    Not `torch.topk`, which leaves open which of equal scores it takes; `argmax` takes the first.
    """
    import torch

    values, columns = [], []
    for _ in range(min(k, scores.shape[1])):
        column = scores.argmax(dim=1, keepdim=True)
        values.append(scores.gather(1, column))
        columns.append(column)
        scores.scatter_(1, column, -torch.inf)
    return torch.hstack(values), torch.hstack(columns)


def unit_rows(
    vectors: Array, device: torch.device, block: int = BLOCK, name: str = "texts"
) -> torch.Tensor:
    """Unit vectors [C, d] on the device; in double precision only some of them at a time."""
    import torch

    unit = torch.empty(vectors.shape, dtype=torch.float32, device=device)
    step = max(1, block // max(1, vectors.shape[1]) // 2)
    for start in range(0, len(vectors), step):
        unit[start : start + step] = _unit(name, vectors[start : start + step], start, device)
    return unit


def _unit(name: str, vectors: Array, start: int, device: torch.device) -> torch.Tensor:
    """Unit rows, as `cood.evaluation.common.nearest.normalise` has them, of rows from `start`."""
    import torch

    there = moved(vectors, device)
    finite = finite_rows(there)
    if not finite.all():
        refuse_infinite(name, np.append(np.ones(start, dtype=bool), finite))
    largest = there.abs().amax(dim=1, keepdim=True).double()
    scaled = (there / torch.where(largest == 0, 1, largest)).float()
    length = torch.linalg.vector_norm(scaled, dim=1, keepdim=True)
    return scaled / torch.where(length == 0, 1, length)
