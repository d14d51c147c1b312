"""The formats of an export: folders of images, parquet, webdataset.

Each function writes into its own folder, complete files only, and skips those that exist. A file
depends on the rows alone, so the same set gives the same bytes.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cood.files import atomic

SHARD = 500_000_000  # bytes of images in a file, about
GROUP = 32_000_000  # bytes of images in memory at a time, about
FIELDS = {
    "attribute": "string",
    "object": "string",
    "composition": "int64",
    "prompt": "string",
    "seed": "int64",
    "generator": "string",
}
Add = Callable[[int], None]


def write_release(rows: pd.DataFrame, images: Path, folder: Path, add: Add) -> None:
    """Write ``images/attribute object/n.png``, the layout of the public release.

    `metadata.csv` next to them holds the columns of the manifest, as ImageFolder of the package
    `datasets` reads it.

    Parameters
    ----------
    rows
        Rows of the manifest to export.
    images
        Folder of the set.
    folder
        Folder to write to.
    add
        Called with the number of images that were written.
    """
    for row in rows.itertuples():
        target = folder / "images" / row.image
        if not (target.is_file() and target.stat().st_size == row.bytes):
            with atomic(target) as temporary:
                temporary.write_bytes((images / row.image).read_bytes())
        add(1)
    table = rows[list(FIELDS)]
    table.insert(0, "file_name", "images/" + rows["image"])
    with atomic(folder / "metadata.csv") as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def write_parquet(rows: pd.DataFrame, images: Path, folder: Path, add: Add) -> None:
    """Write ``data/test-00000-of-00001.parquet``, ... with the files of the images inside.

    An image is a struct of `bytes` and `path`, and the schema's metadata says so, as the feature
    `Image` of the package `datasets` requires. Parameters as in `write_release`.
    """
    parts = list(in_parts(rows, SHARD))
    schema = pa.schema(
        [("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())]))]
        + [(name, pa.type_for_alias(kind)) for name, kind in FIELDS.items()],
        metadata={"huggingface": json.dumps({"info": {"features": _features()}})},
    )
    for number, part in enumerate(parts):
        target = folder / "data" / f"test-{number:05d}-of-{len(parts):05d}.parquet"
        if target.is_file():
            add(len(part))
            continue
        # Images are compressed already.
        with (
            atomic(target) as temporary,
            pq.ParquetWriter(temporary, schema, compression="none") as file,
        ):
            for group in in_parts(part, GROUP):
                pictures = [
                    {"bytes": (images / image).read_bytes(), "path": image}
                    for image in group["image"]
                ]
                columns = [pa.array(pictures, schema.field("image").type)]
                columns += [pa.array(group[name], schema.field(name).type) for name in FIELDS]
                file.write_table(pa.Table.from_arrays(columns, schema=schema))
                add(len(group))


def write_webdataset(rows: pd.DataFrame, images: Path, folder: Path, add: Add) -> None:
    """Write ``000000.tar``, ... with an image, `.cls`, `.txt` and `.json` for each key.

    `.cls` is the line, from 0, of `classnames.txt` that names the pair, and `.txt` the prompt.
    Parameters as in `write_release`.
    """
    classes, names = pd.factorize(rows["attribute"] + " " + rows["object"], sort=True)
    with atomic(folder / "classnames.txt") as temporary:
        temporary.write_text("".join(f"{name}\n" for name in names))
    rows = rows.assign(key=[f"{number:09d}" for number in range(len(rows))], cls=classes)
    for number, part in enumerate(in_parts(rows, SHARD)):
        target = folder / f"{number:06d}.tar"
        if target.is_file():
            add(len(part))
            continue
        with (
            atomic(target) as temporary,
            tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as archive,
        ):
            for row in part.to_dict("records"):
                suffix = PurePosixPath(row["image"]).suffix
                about = {name: row[name] for name in ("image", *FIELDS)}
                _add(archive, f"{row['key']}{suffix}", (images / row["image"]).read_bytes())
                _add(archive, f"{row['key']}.cls", str(row["cls"]).encode())
                _add(archive, f"{row['key']}.txt", row["prompt"].encode())
                _add(archive, f"{row['key']}.json", json.dumps(about, sort_keys=True).encode())
                add(1)


def in_parts(rows: pd.DataFrame, size: int) -> Iterator[pd.DataFrame]:
    """Rows in parts of about `size` bytes of images each, in order."""
    before = rows["bytes"].cumsum() - rows["bytes"]
    for _, part in rows.groupby(np.asarray(before // size)):
        yield part


def _features() -> dict[str, Any]:
    values = {name: {"dtype": kind, "_type": "Value"} for name, kind in FIELDS.items()}
    return {"image": {"_type": "Image"}, **values}


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)  # user and time are 0
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))
