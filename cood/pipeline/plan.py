"""What a study takes: jobs, downloads, disk and hours, from the study file alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from cood.files import damage, left_out
from cood.pipeline import cost_model
from cood.pipeline.costs import COSTS
from cood.pipeline.measured import Hours, measured_hours, with_measured
from cood.settings.study_file import Study
from cood.stages import STAGES, Stage

GB, HOUR = 1e9, 3600.0
COLUMNS = ["download_gb", "disk_gb", "gpu_hours", "cpu_hours"]


def plan(study: Study) -> pd.DataFrame:
    """Jobs of each stage and what they cost, roughly; see `cood.pipeline.cost_model`.

    A job that is done costs the time that was measured, and other jobs of its stage cost as much
    more or less than estimated as the measured ones together did.

    Returns
    -------
    DataFrame
        A row a stage, in the order of the pipeline, then `total` and what is `left`: `stage`,
        `jobs`, `done` (whose files exist and are whole), `measured` (whose time is known), `units`
        and `unit` of work, `download_gb` (without what the hub's cache holds), `disk_gb`,
        `gpu_hours` and `cpu_hours` of one core, of all jobs whether done or not. Disk that jobs
        need only for a while counts once, for the job that needs most. `unknown` names the costs
        that some job adds an unknown amount to. A published checkpoint counts as GPU work, a small
        CLIP as CPU work.
    """
    jobs = pd.DataFrame(row for stage in STAGES.values() for row in _jobs(study, stage))
    jobs = with_measured(jobs)
    stages = [_sum(str(stage), part) for stage, part in jobs.groupby("stage", sort=False)]
    every = [_sum("total", jobs), _sum("left", jobs[~jobs["done"]])]
    for row in every:
        row |= {"units": row["jobs"], "unit": "jobs"}  # images and models do not add up
    return pd.DataFrame([*stages, *every])


def _jobs(study: Study, stage: Stage) -> Iterator[dict[str, Any]]:
    for keys in stage.jobs(study):
        cost = COSTS[stage.name](study, *keys)
        files = stage.outputs(study, *keys)
        done = all(file.is_file() and not damage(file) and not left_out(file) for file in files)
        times = measured_hours(study, stage.name, *keys) if done else Hours()
        yield {
            "stage": stage.name,
            "done": done,
            "units": cost.units,
            "unit": cost.unit,
            "download_gb": cost.download / GB,
            "disk_gb": cost.disk / GB,
            "temporary_gb": cost.temporary / GB,
            "gpu_hours": cost.gpu / HOUR,
            "cpu_hours": (cost.cpu + cost_model.JOB) / HOUR,
            "measured_hours": times.clock,
            "measured_cpu_hours": times.cores,
        }


def _sum(stage: str, jobs: pd.DataFrame) -> dict[str, object]:
    sums = jobs[COLUMNS].sum()
    sums["disk_gb"] += jobs["temporary_gb"].max() if len(jobs) else 0
    return {
        "stage": stage,
        "jobs": len(jobs),
        "done": int(jobs["done"].sum()),
        "measured": int(jobs["measured_hours"].notna().sum()),
        "units": int(jobs["units"].sum()),
        "unit": jobs["unit"].iloc[0] if len(jobs) else "jobs",
        **sums,
        "unknown": " ".join(column for column in ("units", *COLUMNS) if jobs[column].isna().any()),
    }


def as_text(table: pd.DataFrame, study: str) -> str:
    """A plan as lines to read, with what it rests on."""
    lines = [
        f"Study {study}. Rough estimates, within a factor of two or three: "
        "cood/pipeline/cost_model.py",
        f"{'stage':24}{'done':>6} of {'jobs':<6}{'work':>20}"
        f"{'download':>11}{'disk':>11}{'GPU hours':>11}{'CPU hours':>11}",
    ]
    for row in table.to_dict("records"):
        unknown = row["unknown"].split()
        costs = [_cost(row[column], column, column in unknown) for column in COLUMNS]
        unit = row["unit"].removesuffix("s") if row["units"] == 1 else row["unit"]
        work = f"{row['units']:,} {unit}" + (" + ?" if "units" in unknown else "")
        lines.append(
            f"{row['stage']:24}{row['done']:>6} of {row['jobs']:<6}{work:>20}"
            + "".join(f"{cost:>11}" for cost in costs)
        )
    known = table.loc[(table["measured"] > 0) & (table["stage"] != "left")]
    if len(known):
        stages = ", ".join(name for name in known["stage"] if name != "total")
        lines.append(f"from the times of jobs that are done: {stages}")
    if table["unknown"].any():
        lines.append("+ ?: plus an amount that is not known before the run")
    return "\n".join(lines)


def _cost(value: float, column: str, unknown: bool) -> str:
    if value < 0.01:
        return "?" if unknown else "-"
    text = f"{value:,.{0 if value >= 100 else 1 if value >= 1 else 2}f}"
    return text + (" GB" if column.endswith("gb") else "") + (" + ?" if unknown else "")
