"""How near to the bare models does the pipeline run on one GPU, at the size of the paper.

``python -m benchmarks.gpu`` takes at most eight minutes on a machine with one GPU, without a
network. Rows are printed as they are measured; what a missing package or an error prevents is
marked. With ``--tiny`` it does the same with tiny models, on any machine.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.gpu_rows import Row

SECONDS = 480.0
Part = tuple[str, Callable[[], Iterator["Row"]]]


def main() -> None:
    """Measure, print, and write the table where told."""
    parser = argparse.ArgumentParser(prog="benchmarks.gpu", description=__doc__)
    parser.add_argument("--tiny", action="store_true", help="tiny models and little work")
    parser.add_argument("--out", type=Path, help="folder for tables and JSON, such as book")
    parser.add_argument("--only", nargs="+", metavar="WORD", help="parts whose name has a word")
    parser.add_argument("--cores", type=int, default=os.cpu_count(), help="processes at most")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help="after which no part is begun"
    )
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cood-gpu-") as folder:
        measure(Path(folder), asked)


def measure(folder: Path, asked: argparse.Namespace) -> list[Row]:
    """Measure all parts that are asked for, in a folder for files; the rows."""
    from benchmarks import gpu_rows

    start = time.perf_counter()
    about = gpu_rows.machine(asked.cores)
    print("\n".join(f"{key}: {value}" for key, value in about.items()), flush=True)
    done: list[Row] = []

    def left() -> float:
        return start + asked.seconds - time.perf_counter()

    for name, part in parts(folder, asked.tiny, asked.cores, left):
        if asked.only and not any(word in name for word in asked.only):
            continue
        if left() < 0:
            found = [gpu_rows.not_measured(name, "no time was left")]
            print(found[0].as_text(), flush=True)
        else:
            found = run(name, part)
        done += found
        print(f"    ({name}: until {time.perf_counter() - start:.0f} s)", flush=True)
        if asked.out:
            write(done, about, asked.out)
    return done


def run(name: str, part: Callable[[], Iterator[Row]]) -> list[Row]:
    """The rows of a part, printed as they come; what fails is a row with the reason."""
    from benchmarks import gpu_rows

    done: list[Row] = []
    gpu_rows.reset_memory()
    rows = part()
    while True:
        try:
            row = gpu_rows.with_memory(next(rows))
        except StopIteration:
            return done
        except Exception as error:  # other parts may still be measured
            row = gpu_rows.not_measured(name, f"{type(error).__name__}: {error}")
        print(row.as_text(), flush=True)
        done.append(row)
        gpu_rows.reset_memory()


def parts(folder: Path, tiny: bool, cores: int, left: Callable[[], float]) -> Iterator[Part]:
    """All parts by name; what comes first forks, and nothing has touched the GPU yet.

    `left` gives the seconds that are left.
    """
    from benchmarks import gpu_embedding as embedding
    from benchmarks import gpu_generation as generation
    from benchmarks import gpu_plan, gpu_scoring, gpu_stages
    from benchmarks.gpu_rows import FULL, TINY
    from cood.catalogue.preprocessing import Preprocessing
    from cood.devices import best_device
    from cood.evaluation.embed.preprocessing import of_settings

    sizes = TINY if tiny else FULL
    pixels, device = folder / "pixels", best_device()
    photos = cache(partial(embedding.write, folder / "photos", sizes, cores))
    split = of_settings(Preprocessing(sizes.input))
    yield "plan", gpu_plan.rows
    yield "pixels", lambda: embedding.decoding_rows(photos(), pixels, split, cores)
    for name in sizes.architectures:
        yield (
            f"embed {name}",
            lambda name=name: embedding.rows(name, photos(), pixels, sizes, device, cores),
        )
    answers = folder / "answers.npy"
    yield "scoring on the GPU", lambda: gpu_scoring.on_gpu(answers, sizes, device)
    project = folder / "project"
    yield "generate", lambda: generation.rows(project, sizes, device, tiny, cores)
    yield "scoring on the cores", lambda: gpu_scoring.on_cores(answers, sizes, cores)
    yield "stages", lambda: gpu_stages.rows(folder / "stages", sizes, tiny, left)


def write(rows: list[Row], about: dict[str, str], out: Path) -> None:
    """Write the rows so far and the machine as tables for readers, and all as JSON."""
    out.mkdir(parents=True, exist_ok=True)
    _write_csv(out / "gpu.csv", [row.as_columns() for row in rows])
    _write_csv(out / "gpu-machine.csv", [{"item": k, "value": v} for k, v in about.items()])
    raw: list[dict[str, Any]] = [  # JSON has no NaN
        {key: None if value != value else value for key, value in asdict(row).items()}
        for row in rows
    ]
    (out / "gpu.json").write_text(json.dumps({"machine": about, "rows": raw}, indent=1) + "\n")


def _write_csv(file: Path, table: list[dict[str, str]]) -> None:
    with file.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, list(table[0]) if table else [])
        writer.writeheader()
        writer.writerows(table)


if __name__ == "__main__":
    main()
