"""Embeddings of the evaluation sets and ID sets by an image-only encoder."""

from __future__ import annotations

import pandas as pd

from cood.evaluation.embed.images import embed_images
from cood.evaluation.embed.metadata import Embeddings, describe_image_encoder
from cood.models.image_encoders import ImageOnlyEncoder
from cood.settings.study_file import Study


def encode_set(
    study: Study,
    encoder: ImageOnlyEncoder,
    name: str,
    set_: str,
    manifest: pd.DataFrame,
    readers: int = 1,
) -> Embeddings:
    """Embed the images of a set with an image-only encoder.

    Parameters
    ----------
    study, encoder, name
        The study, and an encoder of it with its name.
    set_, manifest
        Name of the set and rows of its kept images.
    readers
        Threads that read images.

    Returns
    -------
    Embeddings
        `images` [n, d], un-normalised, in the order of the manifest.
    """
    folder = study.paths.manifest(set_).parent
    images = embed_images(encoder, folder, manifest["image"].tolist(), readers)
    return Embeddings({"images": images}, describe_image_encoder(encoder, name, manifest))
