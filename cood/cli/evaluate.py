"""`cood evaluate`: any CLIP on a folder of images, without a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cood.cli.app import ALL_CORES, Cores, app, say
from cood.stages.stage import MAKE


@app.command(rich_help_panel=MAKE)
def evaluate(
    checkpoints: Annotated[
        list[str],
        typer.Argument(
            metavar="CHECKPOINT...",
            help="A name of OpenCLIP as RN50-quickgelu/openai, hf-hub:ORG/REPO, a folder, a file.",
        ),
    ],
    images: Annotated[
        Path,
        typer.Option("--images", metavar="FOLDER", help="Images as `red apple/1.jpg`; any words."),
    ],
    architecture: Annotated[
        str | None,
        typer.Option("--architecture", metavar="NAME", help="Of a file, as ViT-B-32."),
    ] = None,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write everything as JSON.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write a row a score.")
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a page with the pictures got wrong."),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option("--cache", metavar="FOLDER", help="Where embeddings are kept."),
    ] = None,
    cores: Cores = ALL_CORES,
) -> None:
    """Say how well any CLIP tells attributes and objects in your own images; needs no study."""
    from cood.scorecard.evaluate import SEED, SETTINGS, evaluate_checkpoints
    from cood.scorecard.saving import write_csv, write_json

    photos, board = evaluate_checkpoints(
        checkpoints, images, architecture=architecture, cache=cache, cores=cores, say=say
    )
    if json is not None:
        write_json(board, json, SETTINGS, SEED)
    if csv is not None:
        write_csv(board, csv)
    if html is not None:
        from cood.scorecard.page import write_page

        write_page(photos, board, html)
    single = len(board.cards) == 1 and not board.missing
    print(board.cards[0] if single else board)
