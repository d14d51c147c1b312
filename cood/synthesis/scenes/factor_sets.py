"""Writing a factor set: PNG files and their manifest."""

from __future__ import annotations

import pandas as pd

from cood.files import write_table
from cood.settings.study_file import Study
from cood.synthesis.image_files import save_images
from cood.synthesis.manifests import KEPT
from cood.synthesis.scenes.scenes import pixels
from cood.synthesis.scenes.splits import evaluation_scenes


def draw_factor_set(study: Study, name: str) -> pd.DataFrame:
    """Render, or read, the scenes of a factor set; write the PNG files and then the manifest.

    The manifest has a row an image: `image`, `scene` (row of the published file), a column of
    value ids for each factor, `composition` (of the words of the pair), `prompt`, `generator`,
    `status` and `bytes`.
    """
    settings = study.factor_set(name)
    table, path = settings.table, study.paths.manifest(name)
    scenes = evaluation_scenes(study, name)
    ids = table.ids(scenes)
    composition = table.compositions(ids)
    rows = pd.DataFrame(
        {
            "image": [f"{scene // 1000:03d}/{scene:06d}.png" for scene in scenes],
            "scene": scenes,
            **dict(zip(table.names, ids.T, strict=True)),
            "composition": composition,
            "prompt": table.captions(table.word_ids(ids), "sentence"),
            "generator": "published file" if settings.file else "rendered",
            "status": KEPT,
        }
    )
    rows["bytes"] = save_images(path.parent, rows["image"], pixels(study, settings, scenes))
    write_table(rows, path)
    return rows
