"""Files and folders that a study names: whether they are on this machine, and what if not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cood.catalogue.sources import FILE, LOCAL
from cood.models.file_names import CLIP_CONFIG
from cood.settings import Checkpoint, DiffusionSet, FolderSet, PublishedImageEncoder, ReleaseSet
from cood.settings.study_file import Study

OK, WARNING, MISSING = "ok", "warning", "missing"


class Check(NamedTuple):
    """What was looked at, its state (`ok`, `warning` or `missing`), and what to do if not ok.

    `missing` is what the study cannot run without; at a `warning` it runs, with something left
    out or slowly.
    """

    what: str
    state: str
    said: str


def local_files(study: Study) -> Iterator[Check]:
    """All places on this machine that a study names; what it finds on the hub is no matter here."""
    yield from _images(study)
    yield from _checkpoints(study)
    yield from _corpora(study)


def release_file(study: Study, settings: ReleaseSet) -> Path:
    """Where the release lies, or is downloaded to."""
    return study.paths.root / Path(settings.file).expanduser()


def _images(study: Study) -> Iterator[Check]:
    for name, settings in study.sets.items():
        if isinstance(settings, FolderSet):
            put = "put the images there"
            yield _folder(study, f"images of {name}", settings.folder, f"sets.{name}.folder", put)
        elif isinstance(settings, DiffusionSet):
            put = "save a pipeline there"
            place, key = settings.model, f"sets.{name}.model"
            if place.startswith(LOCAL):
                yield _folder(study, f"generator of {name}", place, key, put)
        elif isinstance(settings, ReleaseSet) and settings.url is None:
            file = release_file(study, settings)
            lacks = f"{file} does not exist; put the release there, or give sets.{name}.url"
            found = (OK, str(file)) if file.exists() else (MISSING, lacks)
            yield Check(f"images of {name}", *found)
    for name, photographs in study.id_sets.items():
        put = "put the images there, a folder a class"
        key = f"id_sets.{name}.folder"
        yield _folder(study, f"images of {name}", photographs.folder, key, put)
    asked = study.verification
    if asked and asked.model.startswith(LOCAL):
        yield _folder(study, "verifier", asked.model, "verification.model", "save a model there")


def _folder(study: Study, what: str, place: str, key: str, put: str) -> Check:
    folder = study.paths.root / Path(place.removeprefix(LOCAL)).expanduser()
    if folder.is_dir():
        return Check(what, OK, str(folder))
    return Check(what, MISSING, f"{folder} is no folder; {put}, or correct {key}")


def from_elsewhere(study: Study) -> dict[str, str]:
    """What is named of each checkpoint and image-only tower from elsewhere."""
    models = {n: m.checkpoint for n, m in study.models.items() if isinstance(m, Checkpoint)}
    towers = {
        n: t.encoder
        for n, t in study.image_encoders.items()
        if isinstance(t, PublishedImageEncoder)
    }
    return models | towers


def _checkpoints(study: Study) -> Iterator[Check]:
    for name, named in from_elsewhere(study).items():
        if not named.startswith((FILE, LOCAL)):
            continue
        place = study.paths.root / named.removeprefix(FILE).removeprefix(LOCAL)
        if name in study.models and named.startswith(LOCAL) and place.is_dir():
            place /= CLIP_CONFIG
        lacks = f"{place} does not exist; the model will be left out unless you put it there"
        found = (OK, str(place)) if place.exists() else (WARNING, lacks)
        yield Check(f"model {name}", *found)


def _corpora(study: Study) -> Iterator[Check]:
    wanted = [(f"captions of {n}", c.files, f"corpora.{n}.files") for n, c in study.corpora.items()]
    if study.near_duplicates:
        wanted.append(("references", study.near_duplicates.references, "neighbours.references"))
    if study.near_duplicates and study.near_duplicates.pairs is not None:
        file = study.paths.root / Path(study.near_duplicates.pairs).expanduser()
        lacks = f"{file} does not exist; put the pairs there, or correct neighbours.pairs"
        yield Check("pairs", *((OK, str(file)) if file.is_file() else (MISSING, lacks)))
    for what, places, key in wanted:
        if places is None:
            continue
        from cood.curation.caption_search.caption_files import find_files

        files = find_files(places, study.paths.root)
        gone = [file for file in files if "://" not in file and not Path(file).exists()]
        if gone:
            yield Check(what, WARNING, f"{gone[0]} is not there, and will be left out; see {key}")
        else:
            yield Check(what, OK, f"files and folders: {len(files)}")
