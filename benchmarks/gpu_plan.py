"""What `cood plan` says of the large studies, for `benchmarks.gpu`."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.gpu_rows import Row
from cood.pipeline.plan import plan
from cood.settings.study_file import load_study

GOALS = {
    "paper": {"gpu_hours": 24, "cpu_hours": 120, "disk_gb": 300},
    "release": {"gpu_hours": 4},
}


def rows() -> Iterator[Row]:
    """Hours and disk of each study, against what they should be at most."""
    for study, goals in GOALS.items():
        total = plan(load_study(study)).set_index("stage").loc["total"]
        for column, most in goals.items():
            value, unit = float(total[column]), column.replace("_", " ")
            yield Row(f"plan of {study}", f"{value:,.1f} {unit}", "", value, most, at_least=False)
