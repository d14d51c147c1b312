"""What a study needs before it runs: settings that fit together, files that it names."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cood.catalogue.sources import LOCAL, local_path
from cood.errors import StudyError, unknown
from cood.files import find_files
from cood.models.file_names import CLIP_CONFIG
from cood.settings import (
    Checkpoint,
    DiffusionSet,
    FolderSet,
    ImageEncoderTraining,
    PublishedImageEncoder,
    ReleaseSet,
)
from cood.settings.study_file import Study

OK, WARNING, MISSING = "ok", "warning", "missing"


class Check(NamedTuple):
    """One thing that was checked, its state, and what was found or what to do.

    Without what is `missing` the study cannot run; with a `warning` it runs slowly, or skips
    something.
    """

    what: str
    state: str
    message: str


def check_settings(study: Study) -> None:
    """Check words, models, files and notebooks before long work begins.

    Raises
    ------
    CoodError
        If one does not exist, or does not fit the others.
    """
    from cood.models.checkpoint_names import check_checkpoint
    from cood.models.zoo import check_image_encoder, check_towers
    from cood.report.build.notebooks import check_parameters, source
    from cood.synthesis.drawing.draw import check_words
    from cood.synthesis.scenes.scenes import check_file

    if study.drawn:
        check_words(study.words.attributes, study.words.objects)
    for name, training in study.trained.items():
        check_towers(f"models.{name}", training.towers)
    _check_null_models(study)
    for name, recipe in study.factor_models.items():
        check_towers(f"factor_models.{name}", recipe.towers)
    for name, encoder in study.own_image_encoders.items():
        if isinstance(encoder, ImageEncoderTraining):
            check_image_encoder(name, encoder.image_tower)
        else:
            check_image_encoder(name, encoder.untrained)
    _check_draws(study)
    for name, model in study.models.items():
        if isinstance(model, Checkpoint):
            check_checkpoint(name, model)
    for name in study.factor_sets:
        check_file(study, name)
    for name, parameters in study.notebooks.items():
        notebook = source(study.paths.root, name)
        check_parameters(notebook, {"study": study.name, **parameters})


def _check_null_models(study: Study) -> None:
    from cood.catalogue.open_clip_listing import architectures
    from cood.models.zoo import check_towers

    for name, null_model in study.null_models.items():
        if null_model.towers is not None:
            check_towers(f"null_models.{name}", null_model.towers)
        elif null_model.architecture not in architectures():
            wrong = unknown("architecture", str(null_model.architecture), architectures())
            raise StudyError(f"null_models.{name}.architecture: {wrong}")


def _check_draws(study: Study) -> None:
    from cood import splits
    from cood.synthesis.scenes import splits as of_scenes

    draws: list[tuple[str, Any, dict[str, Any]]] = [
        ("models", splits.seen, study.trained),
        ("image_encoders", splits.seen, study.trained_image_encoders),
        ("factor_models", of_scenes.seen, study.factor_models),
    ]
    for section, seen, models in draws:
        for name, settings in models.items():
            try:
                seen(study, settings)
            except StudyError as error:
                raise StudyError(f"{section}.{name}: {error}") from error


def check_files(study: Study) -> None:
    """Refuse a study that lacks files it cannot run without, and warn of what will be skipped.

    Raises
    ------
    StudyError
        Names every missing file.
    """
    checks = list(local_files(study))
    missing = [f"{check.what}: {check.message}" for check in checks if check.state == MISSING]
    if missing:
        raise StudyError("; ".join(missing))
    for check in checks:
        if check.state == WARNING:
            print(f"warning: {check.what}: {check.message}", file=sys.stderr)


def local_files(study: Study) -> Iterator[Check]:
    """Check every place on this machine that a study names; names on the hub are not looked up."""
    for name in study.sets:
        yield from _images(study, name)
    for name, photographs in study.id_sets.items():
        yield _folder(
            study,
            f"images of {name}",
            photographs.folder,
            key=f"id_sets.{name}.folder",
            advice="put the images there, a folder a class",
        )
    verification = study.verification
    if verification and verification.model.startswith(LOCAL):
        yield _folder(
            study,
            "verifier",
            verification.model,
            key="verification.model",
            advice="save a model there",
        )
    yield from _checkpoints(study)
    yield from _captions(study)
    yield from _references(study)


def release_file(study: Study, settings: ReleaseSet) -> Path:
    """Where the release lies, or is downloaded to."""
    return study.paths.root / Path(settings.file).expanduser()


def published_models(study: Study) -> dict[str, str]:
    """By the name of each checkpoint and published image encoder, what the study file names."""
    models = {n: m.checkpoint for n, m in study.models.items() if isinstance(m, Checkpoint)}
    encoders = {
        name: encoder.encoder
        for name, encoder in study.image_encoders.items()
        if isinstance(encoder, PublishedImageEncoder)
    }
    return models | encoders


def _images(study: Study, name: str) -> Iterator[Check]:
    settings = study.set(name)
    if isinstance(settings, FolderSet):
        yield _folder(
            study,
            f"images of {name}",
            settings.folder,
            key=f"sets.{name}.folder",
            advice="put the images there",
        )
    elif isinstance(settings, DiffusionSet):
        for key, what, part in (("model", "generator", "pipeline"), ("vae", "decoder", "decoder")):
            named = getattr(settings, key) or ""
            if named.startswith(LOCAL):
                advice = f"save a {part} there"
                yield _folder(
                    study, f"{what} of {name}", named, key=f"sets.{name}.{key}", advice=advice
                )
    elif isinstance(settings, ReleaseSet) and settings.url is None:
        file = release_file(study, settings)
        advice = f"put the release there, or set sets.{name}.url"
        yield _place(f"images of {name}", file, MISSING, advice)


def _place(what: str, place: Path, state: str, advice: str) -> Check:
    """A check of a file or folder: `state` with the advice if it does not exist."""
    if place.exists():
        return Check(what, OK, str(place))
    return Check(what, state, f"{place} does not exist; {advice}")


def _folder(study: Study, what: str, place: str, *, key: str, advice: str) -> Check:
    folder = study.paths.root / Path(place.removeprefix(LOCAL)).expanduser()
    if folder.is_dir():
        return Check(what, OK, str(folder))
    return Check(what, MISSING, f"{folder} is not a folder; {advice}, or correct {key}")


def _checkpoints(study: Study) -> Iterator[Check]:
    for name, named in published_models(study).items():
        path = local_path(named)
        if path is None:
            continue
        place = study.paths.root / path
        if name in study.models and named.startswith(LOCAL) and place.is_dir():
            place /= CLIP_CONFIG
        advice = "the model will be skipped unless you put it there"
        yield _place(f"model {name}", place, WARNING, advice)


def _captions(study: Study) -> Iterator[Check]:
    for name, corpus in study.corpora.items():
        if corpus.files is not None:
            yield _files(study, f"captions of {name}", corpus.files, f"corpora.{name}.files")


def _references(study: Study) -> Iterator[Check]:
    settings = study.near_duplicates
    if settings is None:
        return
    if settings.pairs is not None:
        file = study.paths.root / Path(settings.pairs).expanduser()
        yield _place(
            "pairs", file, MISSING, "put the pairs there, or correct near_duplicates.pairs"
        )
    if settings.references is not None:
        yield _files(study, "references", settings.references, "near_duplicates.references")


def _files(study: Study, what: str, places: list[str], key: str) -> Check:
    files = find_files(places, study.paths.root, endings=[""])
    missing = [file for file in files if "://" not in file and not Path(file).exists()]
    if missing:
        return Check(what, WARNING, f"{missing[0]} does not exist and will be skipped; see {key}")
    return Check(what, OK, f"files and folders: {len(files)}")
