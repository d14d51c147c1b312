"""Stages that make the report."""

from __future__ import annotations

from cood.stages.stage import LOOK, Stage, each, once

REPORTING = (
    Stage(
        name="notebook",
        entry="cood.report.build.notebooks:run",
        jobs=lambda study: each(study.notebooks),
        outputs=lambda study, notebook: [study.paths.notebook(notebook)],
        settings=lambda study, notebook: study.notebooks[notebook],
        does="runs the notebook of a page: tables, figures and correlations over models",
        writes="the executed notebook and its tables",
        progress="run notebook",
        title="Run the notebooks",
        keys=("notebook",),
        panel=LOOK,
    ),
    Stage(
        name="book",
        entry="cood.report.build.book:build",
        jobs=once,
        outputs=lambda study: [study.paths.html],
        settings=lambda study: study.name,
        does="renders the pages",
        writes="the report",
        progress="render the book",
        title="Render the book (last time)",
        panel=LOOK,
    ),
)
