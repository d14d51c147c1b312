import numpy as np
import pytest

from cood.catalogue.sources import local_source
from cood.errors import ArtefactError, MissingModelError, StudyError
from cood.evaluation.embed import loading
from cood.evaluation.embed.embed import embed_model
from cood.evaluation.embed.loading import load_clip, load_encoder
from cood.files import read_table, read_tensors, write_table
from cood.models.loading import load
from cood.models.training.image_encoder import train_image_encoder
from cood.synthesis.image_files import hashes
from cood.synthesis.manifests import HASH, KEPT


def quiet(text):
    pass


def written(study, model):
    """Names of the sets that a model has embeddings of."""
    return sorted(file.stem for file in study.paths.embeddings(model, "x").parent.iterdir())


def test_a_model_from_a_folder_has_the_embeddings_of_the_trained_model(copied, parse):
    few = copied.paths.embeddings("few", "ao")
    study = parse(models={"c": {"checkpoint": local_source(copied.paths.model("few"))}})
    embed_model(study, "c", quiet)
    left, right = (read_tensors(f)[0] for f in (few, study.paths.embeddings("c", "ao")))
    assert set(left) == set(right)
    for name in left:
        np.testing.assert_array_equal(left[name], right[name])


def test_the_weights_are_loaded_once_for_all_sets(copied_factors, monkeypatch):
    sources = []

    def count(source, **options):
        sources.append(source)
        return load(source, **options)

    monkeypatch.setattr(loading, "load", count)
    model, embeddings = "published", copied_factors.paths.embeddings
    before = {s: read_tensors(embeddings(model, s)) for s in ("ao", "shapes", "sprites")}
    lines = []
    embed_model(copied_factors, model, lines.append, cores=2)
    assert sources == [copied_factors.models[model].checkpoint]
    assert lines == [
        "published: embedding 40 images of ao",
        "published: embedding 60 images of shapes",
        "published: embedding 50 images of sprites",
    ]
    for set_, (tensors, metadata) in before.items():
        again = read_tensors(embeddings(model, set_))
        assert again[1] == metadata
        for name in tensors:
            np.testing.assert_array_equal(again[0][name], tensors[name])


def test_a_model_of_a_factor_set_is_embedded_on_that_set_alone(factored):
    assert written(factored, "on-shapes") == ["shapes"]
    assert written(factored, "published") == ["ao", "shapes", "sprites"]
    assert written(factored, "few") == ["ao"]


def test_a_null_model_and_an_image_encoder_are_embedded_without_factor_sets(
    copied_factors, settings
):
    study = copied_factors.model_validate(
        {
            **copied_factors.model_dump(exclude={"factor_models"}),
            "null_models": {"null": {"image_tower": "resnet"}},
            "image_encoders": {"images-only": {"untrained": "resnet"}},
        }
    )
    train_image_encoder(study, "images-only", quiet)
    for model in ("null", "images-only"):
        embed_model(study, model, quiet)
        assert written(study, model) == ["ao"]
    tensors, metadata = read_tensors(study.paths.embeddings("images-only", "ao"))
    assert list(tensors) == ["images"]
    assert metadata["checkpoint"] == "images-only"
    tensors, metadata = read_tensors(study.paths.embeddings("null", "ao"))
    assert {"images", "compositions", "attributes", "objects"} < set(tensors)
    assert metadata["checkpoint"] == "resnet-causal-64-softmax, untrained, seed 0"


def test_a_model_that_is_not_trained_yet_and_an_unknown_one_are_refused(copied):
    with pytest.raises(ArtefactError, match="models/most cannot be loaded"):
        embed_model(copied, "most", quiet)
    with pytest.raises(StudyError, match="unknown model 'nobody'"):
        embed_model(copied, "nobody", quiet)
    assert not copied.paths.embeddings("most", "ao").exists()


def test_a_checkpoint_that_cannot_be_loaded_leaves_the_reason_in_every_file(copied_factors, parse):
    factors = copied_factors.model_dump(include={"factor_sets"})
    study = parse(models={"c": {"checkpoint": "ViT-B-32/nowhere"}}, **factors)
    lines = []
    embed_model(study, "c", lines.append)
    assert written(study, "c") == ["ao", "shapes", "sprites"]
    for set_ in written(study, "c"):
        tensors, metadata = read_tensors(study.paths.embeddings("c", set_))
        assert tensors == {}
        assert list(metadata) == ["missing"]
        assert "ViT-B-32/nowhere" in metadata["missing"]
    assert lines == [f"c: left out: {metadata['missing']}"]


def test_what_cannot_be_loaded_is_an_error_of_its_own(copied, parse):
    study = parse(
        models={"c": {"checkpoint": "ViT-B-32/nowhere"}},
        null_models={"null": {"architecture": "no-such"}},
        image_encoders={"far": {"encoder": "no-such.tag"}},
    )
    with pytest.raises(MissingModelError, match="ViT-B-32/nowhere"):
        load_clip(study, "c", quiet)
    with pytest.raises(MissingModelError, match="no-such"):
        load_clip(study, "null", quiet)
    with pytest.raises(MissingModelError, match=r"no-such\.tag"):
        load_encoder(study, "far", quiet)


def test_another_threshold_embeds_only_what_is_new(copied, parse):
    study = parse(verification={"model": "some/model", "sets": ["ao"]})
    manifest, file = read_table(study.paths.manifest("ao")), study.paths.embeddings("few", "ao")
    manifest[HASH] = hashes(study.paths.manifest("ao").parent, manifest["image"].tolist())
    whole = read_tensors(file)[0]["images"]
    said = []
    # Kept images; how many of them are new; the code that embeds.
    for kept, new, code in (
        (slice(0, 20), 20, "a"),
        (slice(10, 25), 5, "a"),
        (slice(0, 25), 0, "a"),
        (slice(5, 15), 10, "b"),
    ):
        shown = np.isin(np.arange(len(manifest)), np.arange(len(manifest))[kept])
        table = manifest.assign(status=np.where(shown, KEPT, "object not seen"))
        write_table(table, study.paths.verified("ao"))
        embed_model(study, "few", said.append, code=code)
        np.testing.assert_allclose(read_tensors(file)[0]["images"], whole[kept], atol=1e-5)
        line = f"few: {new} of {shown.sum()} images of ao are new"
        assert (line in said) == (new > 0)
        said.clear()
