"""What a user names a checkpoint by, and what tells its embeddings from those of others."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from pydantic import ValidationError

from cood.catalogue.open_clip_listing import places
from cood.catalogue.sources import FILE, LOCAL, is_bare, local_path, prefix_of
from cood.errors import CoodError, unknown
from cood.files import sha256
from cood.models.checkpoint_names import fault_of, is_path
from cood.models.file_names import CLIP_CONFIG, WEIGHT_SUFFIXES
from cood.scorecard.kept import digest
from cood.settings import Checkpoint

FORMAT = 2  # of the kept embeddings; a higher one ignores all that were kept before
TOKENISER_SUFFIXES = (".json", ".txt", ".model")


def checkpoint_of(named: str, architecture: str | None = None) -> Checkpoint:
    """Settings of a checkpoint that is named on the command line.

    Parameters
    ----------
    named
        A name of open_clip, ``hf-hub:ORG/REPO``, or the path of a folder or file, with or without
        ``local-dir:`` or ``file:`` before it.
    architecture
        Of a file, which holds weights alone.

    Raises
    ------
    CoodError
        If there is no such checkpoint, folder or file, or a file comes without an architecture.
    """
    source = named if prefix_of(named) or named in places() else _source_of_path(named)
    path = local_path(source)
    if path is not None and not path.exists():
        raise CoodError(f"checkpoint {named}: there is no {path}; correct its path")
    if is_bare(source) and architecture is None:
        raise CoodError(
            f"checkpoint {named}: a file holds weights alone; name the architecture with "
            "--architecture, such as ViT-B-32, or ViT-B-32/TAG for the preprocessing of that tag"
        )
    try:
        own = architecture if is_bare(source) else None
        checkpoint = Checkpoint(checkpoint=source, architecture=own)
    except ValidationError as error:
        reason = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise CoodError(reason.removeprefix("checkpoint: ")) from error
    fault = fault_of(checkpoint)
    if fault is not None:
        raise CoodError(fault[1])
    return checkpoint


def _source_of_path(named: str) -> str:
    path = Path(named).expanduser()
    if path.is_dir():
        return f"{LOCAL}{path}"
    if path.is_file():
        return f"{FILE}{path}"
    if is_path(named):
        raise CoodError(f"checkpoint {named}: there is no such folder or file; correct its path")
    raise CoodError(
        unknown("checkpoint", named, places()) + " (nor is there a folder of that name)"
    )


def fingerprint(checkpoint: Checkpoint) -> str | None:
    """Short name of the weights and of what embeds with them; None if they are not here yet.

    Of a folder or a file it is made from their content, of the hub from the commit.
    """
    path = local_path(checkpoint.checkpoint)
    if path is None:
        from cood.models.hub import cached_commit

        identity: object = [checkpoint.checkpoint, cached_commit(checkpoint.checkpoint)]
        if cached_commit(checkpoint.checkpoint) is None:
            return None
    else:
        identity = [[file.name, sha256(file)] for file in _files(path)]
    library = version("open_clip_torch")
    return digest(FORMAT, library, checkpoint.architecture, identity)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    suffixes = (*WEIGHT_SUFFIXES, *TOKENISER_SUFFIXES)
    return sorted(
        file for file in path.iterdir() if file.name == CLIP_CONFIG or file.suffix in suffixes
    )
