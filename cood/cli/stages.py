"""A command for each stage of the pipeline, made from its description in `cood.stages`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from inspect import Parameter, Signature
from typing import Annotated, Any

import typer

from cood.cli.app import ALL_CORES, MINI, Cores, StudyName, app, say
from cood.devices import is_full, without_gpu
from cood.errors import StudyError, unknown
from cood.settings.study_file import Study, load_study
from cood.stages import OF_RULE, STAGES, Stage, gpu_eighths

OWN_COMMAND = ("notebook", "book")  # in `cood.cli.look`, with options of their own


def run_stage(stage: Stage, study: Study, keys: dict[str, str], cores: int) -> None:
    """Do one job of a stage in this process; its files are written whether they exist or not."""
    _check(stage, study, keys)
    if stage.uses_torch:
        import torch

        torch.set_num_threads(1)  # several models at a time are faster than several threads
    module, _, function = stage.entry.partition(":")
    values: dict[str, Any] = {"cores": cores, "say": say}
    if "code" in stage.passes:
        from cood.pipeline.fingerprints import code_of

        values["code"] = code_of(stage.name)
    options = {name: values[name] for name in stage.passes}
    run = getattr(import_module(module), function)
    try:
        run(study, *keys.values(), **options)
    except RuntimeError as error:
        if stage.uses_torch or not is_full(error):
            raise
        # What needs no torch on the CPU can be done there.
        say("the memory of the GPU does not suffice: on the CPU")
        with without_gpu():
            run(study, *keys.values(), **options)


def _check(stage: Stage, study: Study, keys: dict[str, str]) -> None:
    """Refuse a job that the study does not have, such as one of an unknown model."""
    jobs = list(stage.jobs(study))
    for place, (key, value) in enumerate(keys.items()):
        known = list(dict.fromkeys(job[place] for job in jobs))
        if known and value not in known:
            raise StudyError(unknown(key, value, known))
    if not jobs:
        raise StudyError(f"study {study.name} has no job of the stage {stage.name}")


def _command(stage: Stage) -> Callable[..., None]:
    def command(**options: Any) -> None:
        study = load_study(options["study"])
        keys = {key: options[f"{key}_"] for key in stage.keys}
        run_stage(stage, study, keys, options.get("cores", 1))

    parameters = [
        Parameter(
            f"{key}_",
            Parameter.KEYWORD_ONLY,
            annotation=Annotated[
                str, typer.Option(f"--{key}", metavar=key.upper(), help=f"Name of the {key}.")
            ],
        )
        for key in stage.keys
    ]
    parameters.append(
        Parameter("study", Parameter.KEYWORD_ONLY, default=MINI, annotation=StudyName)
    )
    if "cores" in stage.passes:
        cores = Parameter("cores", Parameter.KEYWORD_ONLY, default=ALL_CORES, annotation=Cores)
        parameters.append(cores)
    command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    command.__doc__ = f"{stage.does[0].upper()}{stage.does[1:]}."
    return command


@app.command(hidden=True)
def job(
    rule: Annotated[str, typer.Argument(help="Name of a rule of the Snakefile.")],
    wildcards: Annotated[str, typer.Argument(help="NAME=VALUE, separated by commas.")] = "",
    study: StudyName = MINI,
    cores: Cores = 1,
) -> None:
    """Do a job of the pipeline, as the Snakefile names it."""
    stage = OF_RULE[rule]
    values = [wildcard.partition("=")[2] for wildcard in wildcards.split(",")]
    # The rule of factor models has their set as another wildcard.
    keys = dict(zip(stage.keys, values, strict=False))
    loaded = load_study(study)
    with _gpu_of(stage, loaded, keys):
        run_stage(stage, loaded, keys, cores)


def _gpu_of(stage: Stage, study: Study, keys: dict[str, str]) -> AbstractContextManager[None]:
    if not stage.resources.gpu:
        return nullcontext()
    from cood.pipeline.gpus import on_one_gpu

    return on_one_gpu(gpu_eighths(study, stage, *keys.values()))


for _stage in STAGES.values():
    if _stage.name not in OWN_COMMAND:
        app.command(_stage.command, rich_help_panel=f"{_stage.panel}, stage by stage")(
            _command(_stage)
        )
