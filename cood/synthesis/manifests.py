"""The tables of a set: its manifest, and the table of images that show one word alone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from cood.errors import ArtefactError
from cood.files import read_table
from cood.settings.study_file import Study

KEPT = "kept"  # the `status` of an image that is used; any other says why it is not
HASH = "sha256"  # column of verified manifests: that of the file of a kept image, else empty
FAILED = "failed"  # how the `status` of an image starts that could not be made


def read_manifest(study: Study, name: str) -> pd.DataFrame:
    """Rows of the images of a set that are kept, also by its verification if it has one."""
    study.set_or_id_set(name)
    return _kept(read_table(study.table(name)))


def read_isolated(study: Study, name: str) -> pd.DataFrame | None:
    """Rows of the kept images of a set that show one word alone.

    None if some word has no image. That is usual for imported images, and happens where a
    generator failed.

    Raises
    ------
    ArtefactError
        If a word of a set of drawings has none.
    """
    settings = study.set(name)
    path = study.paths.isolated(name)
    table = _kept(read_table(path))
    for kind, words in (("attribute", study.words.attributes), ("object", study.words.objects)):
        for word in words:
            if (table[kind] == word).any():
                continue
            if settings.source != "icons":
                return None
            raise ArtefactError(
                f"{path} has no image of the {kind} {word!r}; delete it and run `nox -s reproduce`"
            )
    return table


def read_factor_manifest(study: Study, name: str) -> pd.DataFrame:
    """Rows of a factor set."""
    study.factor_set(name)
    return read_table(study.paths.manifest(name))


def damaged_image(table: Path) -> str | None:
    """First kept image of a table that is missing or whose file has another size than listed.

    The table is a manifest, the table of the isolated words, or that of a shard.
    """
    rows = _kept(read_table(table))
    for image, size in rows[["image", "bytes"]].itertuples(index=False):
        path = table.parent / image
        if not path.is_file() or path.stat().st_size != size:
            return image
    return None


def failed_image(table: Path) -> str | None:
    """First image of a table that could not be made, with the reason: it is worth another try."""
    rows = read_table(table)
    failed = rows.loc[rows["status"].str.startswith(FAILED), ["image", "status"]]
    for image, status in failed.itertuples(index=False):
        return f"image {image} {status}"
    return None


def image_name(words: str, file: str) -> str:
    """Path of an image in its set: ``attribute object/file``; a slash in a word is no folder."""
    return f"{words.replace('/', '_')}/{file}"


def _kept(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["status"] == KEPT].reset_index(drop=True)
