"""Times of jobs that are done, which replace the estimates of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import pandas as pd

from cood.settings.study_file import Study
from cood.stages import benchmark

HOUR = 3600.0


@dataclass(frozen=True)
class Hours:
    """How long a job took on the clock, and on all cores together; NaN if not known."""

    clock: float = nan
    cores: float = nan


def measured_hours(study: Study, stage: str, *keys: str) -> Hours:
    """What Snakemake noted of the last run of a job.

    A run that went on after a stop noted its own part only.
    """
    file = benchmark(study, stage, *keys)
    if not file.is_file():
        return Hours()
    last = pd.read_csv(file, sep="\t", na_values="-").iloc[-1]
    return Hours(float(last["s"]) / HOUR, float(last["cpu_time"]) / HOUR)


def with_measured(jobs: pd.DataFrame) -> pd.DataFrame:
    """The jobs with measured hours where there are some, and the others of their stage scaled.

    A job that uses a GPU has it for as long as it runs. Jobs without a time cost what was
    estimated, times the ratio of the sums of measured and of estimated hours of their stage.

    Parameters
    ----------
    jobs
        A row a job: `stage`, the estimates `gpu_hours` and `cpu_hours`, and `measured_hours` and
        `measured_cpu_hours`, NaN where they are not known.
    """
    jobs = jobs.copy()
    for estimate, measured in (
        ("gpu_hours", jobs["measured_hours"].where(jobs["gpu_hours"] > 0, 0.0)),
        ("cpu_hours", jobs["measured_cpu_hours"]),
    ):
        known = jobs["measured_hours"].notna() & measured.notna() & jobs[estimate].notna()
        sums = pd.DataFrame({"measured": measured, "estimated": jobs[estimate]})[known]
        sums = sums.groupby(jobs["stage"][known]).sum()
        ratio = (sums["measured"] / sums["estimated"]).where(sums["estimated"] > 0, 1.0)
        scaled = jobs[estimate] * jobs["stage"].map(ratio).fillna(1.0)
        took = jobs["measured_hours"].notna() & measured.notna()
        jobs[estimate] = scaled.where(~took, measured)
    return jobs
