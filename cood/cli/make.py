"""Commands that make a report, and say beforehand what it takes."""

from __future__ import annotations

from typing import Annotated

import typer

from cood.cli.app import ALL_CORES, MINI, Cores, StudyName, app
from cood.settings.study_file import load_study
from cood.stages.stage import MAKE


@app.command(rich_help_panel=MAKE)
def reproduce(
    study: StudyName = MINI,
    cores: Cores = ALL_CORES,
    dry_run: Annotated[
        bool, typer.Option("-n", "--dry-run", help="Only say what would run, and why.")
    ] = False,
    snakemake: Annotated[
        list[str] | None, typer.Argument(metavar="-- OPTION", help="Options for Snakemake.")
    ] = None,
) -> None:
    """Make everything of a study that is missing or out of date."""
    from cood.pipeline.run import reproduce

    raise typer.Exit(reproduce(load_study(study), cores, dry_run, snakemake or ()))


@app.command(rich_help_panel=MAKE)
def pilot(study: StudyName = MINI, cores: Cores = ALL_CORES) -> None:
    """Try the middle and the corners of a design; exit status 1 if a gate is not passed."""
    from cood.pipeline.pilot import run_pilot

    raise typer.Exit(run_pilot(load_study(study), cores))


@app.command(rich_help_panel=MAKE)
def plan(study: StudyName = MINI) -> None:
    """Say what a study takes, roughly, what is done, and what effects a design can show."""
    from cood.pipeline.plan import as_text, plan
    from cood.pipeline.planned_power import power_text

    loaded = load_study(study)
    print(as_text(plan(loaded), loaded.name))
    if loaded.design is not None:
        print(f"\n{power_text(loaded.design)}")


@app.command(rich_help_panel=MAKE)
def doctor(study: StudyName = MINI) -> None:
    """Say what a study lacks on this machine; exit status 1 if it cannot run."""
    from cood.pipeline.doctor import examine
    from cood.pipeline.preflight import MISSING

    checks = list(examine(load_study(study)))
    for check in checks:
        print(f"{check.state:8}{check.what}: {check.message}")
    raise typer.Exit(int(any(check.state == MISSING for check in checks)))
