"""`cood ...`: one command per stage of the pipeline, and `cood reproduce` for all of it."""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from cood.errors import CoodError
from cood.files import atomic
from cood.settings.study_file import Study, load_study

COMPARE = "compare"
PIPELINE = "COOD_PIPELINE"  # set for the jobs of `cood reproduce`

# Stages import what they need when they run: torch alone takes seconds.


def _draw(study: Study, args: argparse.Namespace) -> None:
    source = study.set_or_id_set(args.set).source
    if source == "diffusion":
        from cood.synthesis.generation.diffusion import generate_set

        generate_set(study, args.set, _say)
    elif source in ("folder", "release"):
        from cood.synthesis.external.importing import take_set

        take_set(study, args.set, args.cores, _say)
    elif source == "classes":
        from cood.synthesis.external.imagenet_classes import take_classes

        take_classes(study, args.set, args.cores, _say)
    else:
        from cood.synthesis.drawing.icon_sets import draw_set
        from cood.synthesis.drawing.isolated import draw_isolated

        draw_set(study, args.set, args.cores)
        draw_isolated(study, args.set, args.cores)


def _generate(study: Study, args: argparse.Namespace) -> None:
    from cood.synthesis.generation.diffusion import generate_shard

    generate_shard(study, args.set, args.shard, _say)


def _join(study: Study, args: argparse.Namespace) -> None:
    from cood.synthesis.generation.shards import join

    join(study, args.set)


def _verify(study: Study, args: argparse.Namespace) -> None:
    from cood.curation.verification import verify as verifying

    if args.shard is None:
        verifying.verify_set(study, args.set, _say)
    else:
        verifying.verify_shard(study, args.set, args.shard, _say)


def _review(study: Study, args: argparse.Namespace) -> None:
    from cood.curation.verification import human_review as raters
    from cood.curation.verification import review_sheets as sheets

    if args.collect:
        raters.collect(study, args.set, args.collect, _say)
        print(study.paths.agreement(args.set))
    else:
        print(sheets.write_sheet(study, args.set, args.sample, args.rater))


def _train(study: Study, args: argparse.Namespace) -> None:
    import torch

    from cood.models.training.clip import train

    torch.set_num_threads(1)
    train(study, args.model, _say)


def _train_image_encoder(study: Study, args: argparse.Namespace) -> None:
    import torch

    from cood.models.training.image_encoder import train_image_encoder

    torch.set_num_threads(1)
    train_image_encoder(study, args.model, _say)


def _scan(study: Study, args: argparse.Namespace) -> None:
    from cood.curation.caption_search.search import CODE, scan_corpus
    from cood.report.provenance.run_status import fingerprint

    scan_corpus(study, args.corpus, fingerprint(*CODE), _say)


def _near_duplicates(study: Study, args: argparse.Namespace) -> None:
    import torch

    from cood.curation.near_duplicates.search import find_near_duplicates

    torch.set_num_threads(1)
    find_near_duplicates(study, _say)


def _embed(study: Study, args: argparse.Namespace) -> None:
    import torch

    from cood.evaluation.embed.evaluation_sets import embed_set

    torch.set_num_threads(1)
    embed_set(study, args.model, args.set, _say, args.cores)


def _embed_image_encoder(study: Study, args: argparse.Namespace) -> None:
    import torch

    from cood.evaluation.embed.image_encoders import embed_image_encoder

    torch.set_num_threads(1)
    embed_image_encoder(study, args.model, args.set, _say)


def _linear(study: Study, args: argparse.Namespace) -> None:
    from cood.evaluation.linear_probe.linear_probe import linear_probe_model

    if args.model not in study.models:
        study.tower(args.model)
    linear_probe_model(study, args.model)


def _score(study: Study, args: argparse.Namespace) -> None:
    from cood.evaluation.collect import score_model

    study.embedded_model(args.model)
    score_model(study, args.model)


def _draw_factors(study: Study, args: argparse.Namespace) -> None:
    from cood.synthesis.scenes.factor_sets import draw_factor_set

    draw_factor_set(study, args.set)


def _train_factors(study: Study, args: argparse.Namespace) -> None:
    import torch

    from cood.models.training.factor_clip import train_factor_model

    torch.set_num_threads(1)
    train_factor_model(study, args.model, _say)


def _embed_factors(study: Study, args: argparse.Namespace) -> None:
    import torch

    from cood.evaluation.embed.factor_sets import embed_factor_sets

    torch.set_num_threads(1)
    embed_factor_sets(study, args.model, _say)


def _score_factors(study: Study, args: argparse.Namespace) -> None:
    from cood.evaluation.factor_scores import score_factor_sets

    score_factor_sets(study, args.model)


def _collect_factors(study: Study, args: argparse.Namespace) -> None:
    from cood.evaluation.factor_scores import collect_factors

    collect_factors(study)


def _probe(study: Study, args: argparse.Namespace) -> None:
    from cood.evaluation.interventions.probing import swap_dimensions_of_model

    study.model(args.model)
    swap_dimensions_of_model(study, args.model)


def _measure(study: Study, args: argparse.Namespace) -> None:
    from cood.evaluation.representation.representation_metrics import (
        representation_metrics_of_model,
    )

    study.embedded_model(args.model)
    representation_metrics_of_model(study, args.model)


def _edit(study: Study, args: argparse.Namespace) -> None:
    from cood.evaluation.interventions.interventions import intervene_on_model

    study.model(args.model)
    intervene_on_model(study, args.model)


def _track(study: Study, args: argparse.Namespace) -> None:
    from cood.evaluation.representation.training_dynamics import training_dynamics_of_model

    study.model(args.model)
    training_dynamics_of_model(study, args.model)


def _baselines(study: Study, args: argparse.Namespace) -> None:
    from cood.evaluation.accuracy.baselines import score_baselines

    score_baselines(study)


def _collect(study: Study, args: argparse.Namespace) -> None:
    from cood.evaluation.collect import collect

    collect(study)


def _export(study: Study, args: argparse.Namespace) -> None:
    from cood.export.exporting import WRITERS, export_set

    export_set(study, args.set, Path(args.to), args.format or list(WRITERS), _say)


def _notebook(study: Study, args: argparse.Namespace) -> None:
    from cood.report.build.notebooks import run

    if any(name == "study" for name, _ in args.parameter):
        raise CoodError("parameter study: use --study NAME instead")
    given: dict[str, Any] = dict(study.notebooks.get(args.name, {}))
    given |= {name: _value(name, value) for name, value in args.parameter}
    if study.file.parent != study.paths.studies:
        given["study"] = str(study.file)  # a notebook finds only the project's own by name
    output = study.paths.notebook(args.name) if args.book else study.paths.preview(args.name)
    run(study.paths, args.name, given, output)
    if not args.book:
        from cood.report.build.preview import render

        _say(f"written to {output}")
        _say(f"to look at it, open {render(study, args.name).as_uri()}")


def _book(study: Study, args: argparse.Namespace) -> None:
    from cood.report.build.book import build

    if args.pdf:
        from cood.report.build.pdf import find_chromium, print_book

        find_chromium()  # else one would wait for a report to learn that there is none
    build(study)
    if args.pdf:
        print(print_book(study))


def _linkcheck(study: Study, args: argparse.Namespace) -> int:
    from cood.report.build.links import check_links

    found = check_links(study)
    print("\n".join(found) or "every web link of the book answers")
    return int(bool(found))


def _plan(study: Study, args: argparse.Namespace) -> None:
    from cood.pipeline.plan import as_text, plan

    print(as_text(plan(study), study.name))


def _doctor(study: Study, args: argparse.Namespace) -> int:
    from cood.pipeline.doctor import examine
    from cood.pipeline.preflight import MISSING

    found = list(examine(study))
    for check in found:
        print(f"{check.state:8}{check.what}: {check.said}")
    return int(any(check.state == MISSING for check in found))


def _compare(args: argparse.Namespace) -> int:
    from cood.analysis.compare_runs import as_text, compare, differs, read_run

    a, b = (read_run(place) for place in args.runs)
    table = compare(a, b)
    if args.csv:
        with atomic(args.csv) as temporary:
            table.to_csv(temporary, index=False)
    print(as_text(a, b, table))
    return int(differs(table))


def _reproduce(study: Study, args: argparse.Namespace) -> int:
    from cood.pipeline.run import reproduce

    return reproduce(study, args.cores, args.dry_run, args.snakemake)


COMMANDS: dict[str, tuple[Callable[[Study, argparse.Namespace], Any], str, tuple[str, ...]]] = {
    "reproduce": (_reproduce, "make everything that is missing or out of date", ()),
    "plan": (_plan, "say what a study takes, roughly, and what is done", ()),
    "doctor": (_doctor, "say what a study lacks on this machine", ()),
    "draw": (_draw, "make an evaluation set: draw, generate or take its images", ("set",)),
    "generate": (_generate, "generate the images of one shard of a set", ("set", "shard")),
    "join": (_join, "join the generated shards of a set", ("set",)),
    "verify": (_verify, "ask a model whether the images of a set show what they should", ("set",)),
    "review": (_review, "write a sheet for a person who reviews a set, or read answers", ("set",)),
    "train": (_train, "train a small CLIP", ("model",)),
    "train-image-encoder": (_train_image_encoder, "train an image-only tower", ("model",)),
    "scan": (_scan, "search the captions of a corpus for all compositions", ("corpus",)),
    "embed": (_embed, "embed a set with a model", ("model", "set")),
    "embed-image-encoder": (
        _embed_image_encoder,
        "embed a set with an image-only tower",
        ("model", "set"),
    ),
    "neighbours": (_near_duplicates, "find the nearest training image to each image", ()),
    "score": (_score, "score a model", ("model",)),
    "probe": (_probe, "probe a model: composed retrieval, switching", ("model",)),
    "linear": (_linear, "probe the images of a model or an image-only tower", ("model",)),
    "metric": (_measure, "metric a model: disentanglement, rank, linearity", ("model",)),
    "edit": (_edit, "edit a model's embeddings, and score it again", ("model",)),
    "track": (_track, "metric a model over its training", ("model",)),
    "baselines": (_baselines, "score the baselines", ()),
    "collect": (_collect, "join the scores of all models", ()),
    "draw-factor-set": (_draw_factors, "draw a factor set", ("set",)),
    "train-factor-model": (_train_factors, "train a small CLIP on a factor set", ("model",)),
    "embed-factors": (_embed_factors, "embed the factor sets with a model", ("model",)),
    "factor-scores": (_score_factors, "score a model on the factor sets", ("model",)),
    "collect-factors": (_collect_factors, "join the scores on the factor sets", ()),
    "export": (_export, "write a finished set as files to pass on, with a data card", ("set",)),
    "notebook": (_notebook, "run a notebook, with other parameters if you like", ()),
    "book": (_book, "render the report", ()),
    "linkcheck": (_linkcheck, "ask for every web link of the report", ()),
}


def parser() -> argparse.ArgumentParser:
    """Command line of `cood`."""
    top = argparse.ArgumentParser(prog="cood", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, help_, needs) in COMMANDS.items():
        command = commands.add_parser(name, help=help_)
        command.add_argument(
            "--study",
            default="mini",
            help="name of a file in workflow/studies/, or a path (default: mini)",
        )
        for need in needs:
            command.add_argument(f"--{need}", required=True)
        if name in ("reproduce", "draw", "embed"):
            command.add_argument("--cores", type=_positive, default=os.cpu_count() or 1)
        if name == "reproduce":
            command.add_argument("-n", "--dry-run", action="store_true", help="say what would run")
            command.add_argument(
                "snakemake", nargs="*", metavar="-- OPTION", help="options for Snakemake, after --"
            )
        if name == "book":
            command.add_argument("--pdf", action="store_true", help="print it as one PDF, too")
        if name == "export":
            command.add_argument("--to", required=True, metavar="FOLDER", help="new or empty")
            command.add_argument(
                "--format",
                action="append",
                help="release, parquet or webdataset; may be repeated (default: all three)",
            )
        if name == "verify":
            command.add_argument(
                "--shard", type=int, help="one shard only (default: all that are left)"
            )
        if name == "review":
            task = command.add_mutually_exclusive_group(required=True)
            task.add_argument("--rater", help="write the sheet of this person")
            task.add_argument(
                "--collect", nargs="+", type=Path, metavar="FILE", help="read what sheets saved"
            )
            command.add_argument(
                "--sample", type=_positive, default=200, help="images in a sheet (default: 200)"
            )
        if name == "notebook":
            command.add_argument("name", help="name of a file in notebooks/")
            command.add_argument(
                *("-p", "--parameter"),
                nargs=2,
                action="append",
                default=[],
                metavar=("NAME", "VALUE"),
                help="a parameter, as YAML",
            )
            command.add_argument(
                "--book",
                action="store_true",
                help="for the book; else the result goes to results/STUDY/preview/",
            )
    command = commands.add_parser(
        COMPARE,
        help="say what differs between two runs",
        description="Put two runs side by side: settings, claims, models. Exit status 0 if no "
        "verdict differs, no number by more than its interval, and both hold the same models; 1 "
        "if they differ; 2 if they cannot be compared.",
    )
    command.add_argument(
        "runs", nargs=2, metavar="RESULTS", help="a results folder, or the name of a study"
    )
    command.add_argument("--csv", type=Path, metavar="FILE", help="write every number to it too")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 1 and one sentence on stderr if it cannot."""
    args = parser().parse_args(arguments)
    if os.environ.get(PIPELINE):
        _die_with_parent()
    try:
        if args.command == COMPARE:  # of two studies, and perhaps of none that is at hand
            return _compare(args)
        study = load_study(args.study)
        return COMMANDS[args.command][0](study, args) or 0
    except CoodError as error:
        print(f"cood {args.command}: {error}", file=sys.stderr)
    except OSError as error:
        place = f" {error.filename}" if error.filename else ""
        print(f"cood {args.command}:{place} {error.strerror or error}", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"cood {args.command}: stopped; run it again to go on", file=sys.stderr)
    return 2 if args.command == COMPARE else 1


def _die_with_parent() -> None:
    # Else a killed run would leave its jobs behind, at work beside those of the next run.
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 is needed, got {text!r}")
    return int(text)


def _value(name: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise CoodError(f"parameter {name}: {text!r} is not YAML") from error


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
