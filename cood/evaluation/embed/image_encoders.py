"""Embedding the images of a set with an image-only tower, once per tower and set."""

from __future__ import annotations

from collections.abc import Callable

from cood.catalogue.sources import FILE, LOCAL, local_source
from cood.errors import CoodError
from cood.evaluation.embed.evaluation_sets import embed_images, hash_of
from cood.files import write_tensors
from cood.models.image_encoders import ImageOnlyEncoder, load_image_encoder
from cood.settings import PublishedImageEncoder
from cood.settings.study_file import Study
from cood.synthesis.manifests import read_manifest


def embed_image_encoder(
    study: Study, tower: str, set_: str, say: Callable[[str], None] = print
) -> None:
    """Embed a set's images with one image-only tower and write the result.

    Written: `images` [n, d], un-normalised float32, in the order of the manifest. The metadata says
    which checkpoint, preprocessing and manifest. A tower that cannot be had leaves a file without
    tensors that holds the reason.
    """
    path = study.paths.embeddings(tower, set_)
    study.image_encoder(tower)
    manifest = read_manifest(study, set_)
    found = _load(study, tower, say)
    if isinstance(found, str):
        write_tensors({}, path, {"missing": found})
        return
    say(f"{tower}: embedding {len(manifest)} images of {set_}")
    folder = study.paths.manifest(set_).parent
    metadata = {
        # As for CLIPs, what lies in a folder or a file goes by its name in the study.
        "checkpoint": tower if found.source.startswith((LOCAL, FILE)) else found.source,
        "revision": found.revision,
        "preprocessing": " ".join(str(found.preprocess).split()),
        "manifest": hash_of(manifest),
        "parameters": str(sum(p.numel() for p in found.model.parameters())),
        **{key: str(value) for key, value in found.sizes.items()},
    }
    images = embed_images(found, folder, manifest["image"].tolist())
    write_tensors({"images": images}, path, metadata)


def _load(study: Study, tower: str, say: Callable[[str], None]) -> ImageOnlyEncoder | str:
    settings = study.image_encoder(tower)
    if not isinstance(settings, PublishedImageEncoder):
        return load_image_encoder(local_source(study.paths.model(tower)))
    try:
        return load_image_encoder(settings.encoder, architecture=settings.architecture, say=say)
    except CoodError as error:
        say(f"{tower}: left out: {error}")
        return str(error)
