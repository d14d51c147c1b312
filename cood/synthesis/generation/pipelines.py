"""Loading a text-to-image pipeline of diffusers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from cood.catalogue.sources import LOCAL
from cood.devices import best_device
from cood.errors import CoodError
from cood.settings import DiffusionSet
from cood.settings.study_file import Study


def load_pipeline(study: Study, settings: DiffusionSet, say: Callable[[str], None] = print) -> Any:
    """Load the pipeline of a set, on the GPU if there is one.

    Weights are read from safetensors only, and no code of a repository is run. With `vae`, that
    decoder replaces the pipeline's own.

    Raises
    ------
    CoodError
        If it cannot be loaded.
    """
    import diffusers
    import transformers

    device = best_device()
    dtype = getattr(torch, settings.precision) if device.type != "cpu" else torch.float32
    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
    options: dict[str, Any] = {"dtype": dtype, "use_safetensors": True}
    with warnings.catch_warnings():
        # diffusers 0.42 passes an argument that huggingface_hub ignores with a warning.
        warnings.filterwarnings("ignore", "The `local_dir_use_symlinks`")
        own = {"revision": settings.revision, "variant": settings.variant}
        if settings.vae is not None:
            load = diffusers.AutoModel.from_pretrained
            own["vae"] = _loaded(load, study, settings.vae, "vae", options)
        load = diffusers.AutoPipelineForText2Image.from_pretrained
        pipeline = _loaded(load, study, settings.model, "generator", options | own)
    if settings.no_safety_checker and getattr(pipeline, "safety_checker", None) is not None:
        pipeline.safety_checker = None
    config = pipeline.scheduler.config
    if settings.spacing and "timestep_spacing" in config:
        pipeline.scheduler = type(pipeline.scheduler).from_config(
            config, timestep_spacing=settings.spacing
        )
    if decodes_in_single(pipeline, dtype):
        say(
            f"{settings.vae or settings.model}: its decoder is only right in single precision, "
            "which takes twice the time of half precision; the setting `vae` can name one that is "
            "right in half precision"
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)


def decodes_in_single(pipeline: Any, dtype: torch.dtype) -> bool:
    """Whether a pipeline of this precision decodes in single precision nevertheless.

    The pipelines of SDXL do so if the settings of their decoder say `force_upcast`, as its
    activations exceed the range of float16.
    """
    config = getattr(getattr(pipeline, "vae", None), "config", {})
    able = hasattr(pipeline, "upcast_vae")
    return able and dtype == torch.float16 and bool(config.get("force_upcast", False))


def _loaded(
    load: Callable[..., Any], study: Study, named: str, what: str, options: dict[str, Any]
) -> Any:
    """What the hub or a folder has under a name."""
    source = named
    if named.startswith(LOCAL):
        source = str(study.paths.root / Path(named.removeprefix(LOCAL)).expanduser())
    try:
        if named.startswith(LOCAL) and not Path(source).is_dir():
            raise FileNotFoundError("there is no such folder")
        return load(source, **options)
    except Exception as error:  # the libraries raise errors of many kinds
        raise CoodError(f"{what} {named} cannot be loaded: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    # diffusers reports a missing file for any error of the hub; the innermost error is the cause.
    last = error
    while (inner := last.__cause__ or last.__context__) is not None:
        last = inner
    return ": ".join(dict.fromkeys(" ".join(str(e).split()) for e in (error, last)))
