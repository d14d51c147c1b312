"""Embeddings of the evaluation sets and ID sets by an image-only encoder."""

from __future__ import annotations

import pandas as pd

from cood.evaluation.embed.job import Job, describe_precision
from cood.evaluation.embed.metadata import Embeddings, describe_image_encoder, describe_notes
from cood.models.image_encoders import ImageOnlyEncoder


def encode_set(
    job: Job, encoder: ImageOnlyEncoder, set_: str, manifest: pd.DataFrame
) -> Embeddings:
    """Embed the images of a set with an image-only encoder.

    Parameters
    ----------
    job, encoder
        The job of an encoder, and that encoder.
    set_, manifest
        Name of the set and rows of its kept images.

    Returns
    -------
    Embeddings
        `images` [n, d], un-normalised, in the order of the manifest.
    """
    images = job.images(set_, manifest)
    metadata = describe_image_encoder(encoder, job.model, manifest) | describe_notes(encoder)
    return Embeddings({"images": images.values}, metadata | describe_precision(images))
