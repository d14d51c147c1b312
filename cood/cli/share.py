"""Commands for what others take part in: reviews, exports, reference runs, links."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cood.cli.app import MINI, StudyName, app, say
from cood.settings.study_file import load_study
from cood.stages.stage import SHARE

SetName = Annotated[str, typer.Option("--set", metavar="SET", help="Name of a set of the study.")]


@app.command(rich_help_panel=SHARE)
def review(
    set_: SetName,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="With --collect.")
    ] = None,
    study: StudyName = MINI,
    rater: Annotated[
        str | None, typer.Option("--rater", metavar="NAME", help="Write the sheet of this person.")
    ] = None,
    collect: Annotated[
        bool, typer.Option("--collect", help="Read the files that sheets saved.")
    ] = False,
    sample: Annotated[int, typer.Option("--sample", min=1, help="Images in a sheet.")] = 200,
) -> None:
    """Write a sheet for a person who reviews a set, or read the answers."""
    from cood.curation.verification import human_review, review_sheets

    if (rater is None) == (not collect) or collect == (not files):
        raise typer.BadParameter("give either --rater NAME or --collect FILE...")
    loaded = load_study(study)
    if files:
        human_review.collect(loaded, set_, files, say)
        print(loaded.paths.agreement(set_))
    else:
        print(review_sheets.write_sheet(loaded, set_, sample, str(rater)))


@app.command(rich_help_panel=SHARE)
def export(
    set_: SetName,
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="A new or empty folder.")],
    study: StudyName = MINI,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="release, parquet or webdataset; repeatable. By default all three.",
        ),
    ] = None,
) -> None:
    """Write a finished set as files to share, with a data card."""
    from cood.export.exporting import WRITERS, export_set

    export_set(load_study(study), set_, to, formats or list(WRITERS), say)


@app.command(rich_help_panel=SHARE)
def publish(study: StudyName = MINI) -> None:
    """Keep the joined tables of a finished study with the project, as a reference run."""
    from cood.export.publishing import publish

    print(publish(load_study(study), say))


@app.command(rich_help_panel=SHARE)
def readme(study: StudyName = "lab") -> None:
    """Write what a reference run found to the README, with a picture."""
    from cood.analysis.reference import load_reference
    from cood.errors import CoodError
    from cood.export.finding import write_finding
    from cood.paths import project_root

    reference = load_reference(study)
    if reference is None:
        raise CoodError(f"the project has no reference run of {study}; `cood publish` makes one")
    for file in write_finding(project_root(), reference):
        print(file)


@app.command(rich_help_panel=SHARE)
def linkcheck(study: StudyName = MINI) -> None:
    """Ask for every web link of the report, which needs a network."""
    from cood.report.build.links import check_links

    failures = check_links(load_study(study))
    print("\n".join(failures) or "every web link of the book answers")
    raise typer.Exit(int(bool(failures)))
