import hashlib
import json
import shutil

import numpy as np
import pandas as pd
import torch

from cood.catalogue.sources import local_source
from cood.evaluation.embed.evaluation_sets import embed_id_set
from cood.evaluation.embed.job import Job
from cood.evaluation.embed.texts import embed_texts
from cood.files import read_tensors
from cood.models.loading import load
from cood.synthesis.image_files import load_image
from cood.synthesis.manifests import read_isolated, read_manifest


def test_what_is_written_for_a_set(done):
    tensors, metadata = read_tensors(done.paths.embeddings("few", "ao"))
    shapes = {name: array.shape for name, array in tensors.items()}
    assert shapes == {
        "images": (40, 64),
        "compositions": (20, 64),
        "attributes": (4, 64),
        "objects": (5, 64),
        "isolated_attributes": (4, 64),
        "isolated_objects": (5, 64),
    }
    assert all(array.dtype == np.float32 for array in tensors.values())
    clip = load(local_source(done.paths.model("few")))
    assert metadata["checkpoint"] == "few"
    assert metadata["parameters"] == str(sum(p.numel() for p in clip.model.parameters()))
    assert json.loads(metadata["templates"]) == done.evaluation.templates
    table = read_manifest(done, "ao").to_csv(index=False)
    assert metadata["manifest"] == hashlib.sha256(table.encode()).hexdigest()
    table = read_isolated(done, "ao").to_csv(index=False)
    assert metadata["isolated"] == hashlib.sha256(table.encode()).hexdigest()
    templates = done.evaluation.templates
    np.testing.assert_allclose(
        tensors["attributes"][2], embed_texts(clip, ["striped thing"], templates)[0], atol=1e-5
    )
    np.testing.assert_allclose(
        tensors["compositions"][13], embed_texts(clip, ["striped bus"], templates)[0], atol=1e-5
    )
    # Not of unit length: what the image tower gave.
    assert np.linalg.norm(tensors["images"], axis=1).std() > 0


@torch.inference_mode()
def test_isolated_words_are_means_over_their_own_images(done):
    tensors, _ = read_tensors(done.paths.embeddings("few", "ao"))
    clip = load(local_source(done.paths.model("few")))
    folder = done.paths.manifest("ao").parent
    for kind, word, name in (("attribute", "striped", "attributes"), ("object", "hat", "objects")):
        files = sorted((folder / "isolated" / name / word).glob("*.png"))
        pixels = [clip.preprocess(load_image(files[0].parent, file.name)) for file in files]
        unit = clip.model.encode_image(torch.stack(pixels), normalize=True)
        row = getattr(done.words, f"{kind}s").index(word)
        np.testing.assert_allclose(
            tensors[f"isolated_{name}"][row], unit.mean(dim=0), rtol=0, atol=1e-5
        )


def test_an_id_set_has_the_texts_of_the_classes_that_have_an_image(copied, parse):
    study = parse(id_sets={"val": {"folder": "data/val"}})
    folder = study.paths.manifest("val").parent
    shutil.copytree(study.paths.manifest("ao").parent, folder)
    images = read_manifest(copied, "ao")["image"].tolist()[:4]
    objects = ["hat", "eagle", "hat", "eagle"]  # two classes have one name
    manifest = pd.DataFrame({"image": images, "class": [7, 2, 7, 4], "object": objects})
    clip = load(local_source(study.paths.model("few")))
    embeddings = embed_id_set(Job(study, "few", clip), clip, "val", manifest)
    templates = study.evaluation.templates
    np.testing.assert_array_equal(
        embeddings.tensors["objects"],
        # As the templates are written: "a photo of a eagle".
        embed_texts(clip, ["eagle", "eagle", "hat"], templates, literal=True),
    )
    of_ao, _ = read_tensors(study.paths.embeddings("few", "ao"))
    np.testing.assert_allclose(embeddings.tensors["images"], of_ao["images"][:4], atol=1e-5)
    table = manifest.to_csv(index=False)
    assert embeddings.metadata["manifest"] == hashlib.sha256(table.encode()).hexdigest()
    assert json.loads(embeddings.metadata["templates"]) == templates
