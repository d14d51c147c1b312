"""Commands that show results: notebooks, the book, and two runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from cood.cli.app import MINI, StudyName, app, say
from cood.errors import CoodError
from cood.settings.study_file import load_study
from cood.stages.stage import LOOK


@app.command(rich_help_panel=LOOK)
def notebook(
    name: Annotated[str, typer.Argument(help="Name of a file in notebooks/.")],
    study: StudyName = MINI,
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", metavar="NAME=VALUE", help="A parameter, as YAML."),
    ] = None,
    book: Annotated[
        bool,
        typer.Option(
            "--book", help="For the book, instead of a preview in results/STUDY/preview/."
        ),
    ] = False,
) -> None:
    """Run a notebook, with other parameters if you like."""
    from cood.report.build.notebooks import run

    loaded = load_study(study)
    changed = dict(map(_parameter, parameter or ()))
    if "study" in changed:
        raise CoodError("parameter study: use --study NAME instead")
    parameters = {**loaded.notebooks.get(name, {}), **changed}
    if loaded.file.parent != loaded.paths.studies:
        # By its name alone, a notebook finds only the project's own studies.
        parameters["study"] = str(loaded.file)
    output = loaded.paths.notebook(name) if book else loaded.paths.preview(name)
    run(loaded.paths, name, parameters, output)
    if not book:
        from cood.report.build.preview import render

        say(f"written to {output}")
        say(f"to look at it, open {render(loaded, name).as_uri()}")


@app.command(rich_help_panel=LOOK)
def book(
    study: StudyName = MINI,
    pdf: Annotated[bool, typer.Option("--pdf", help="Print the book as one PDF, too.")] = False,
) -> None:
    """Render the report."""
    from cood.report.build.book import build
    from cood.report.build.pdf import find_chromium, print_book

    loaded = load_study(study)
    if pdf:
        find_chromium()  # fails now if there is none, not after the report is rendered
    build(loaded)
    if pdf:
        print(print_book(loaded))


@app.command(rich_help_panel=LOOK)
def compare(
    runs: Annotated[
        tuple[str, str],
        typer.Argument(metavar="RUN RUN", help="Folders of results, or names of studies."),
    ],
    csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Write every number to a file, too."),
    ] = None,
) -> None:
    """Say what differs between two runs: settings, claims, models.

    Exit status 0 if no verdict differs, no number differs by more than its interval, and both hold
    the same models; 1 if they differ; 2 if they cannot be compared.
    """
    from cood.analysis.compare_runs import as_text, compare, differs, read_run
    from cood.files import atomic

    first, second = map(read_run, runs)
    table = compare(first, second)
    if csv is not None:
        with atomic(csv) as temporary:
            table.to_csv(temporary, index=False)
    print(as_text(first, second, table))
    raise typer.Exit(int(differs(table)))


def _parameter(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise CoodError(f"parameter {text!r}: expected NAME=VALUE")
    try:
        return name, yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise CoodError(f"parameter {name}: {value!r} is not YAML") from error
