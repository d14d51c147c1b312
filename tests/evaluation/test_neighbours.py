import numpy as np
import pytest
import yaml
from PIL import Image

from cood.analysis.neighbours import NONE, load_nearest, reading, summary
from cood.cli import main
from cood.errors import StudyError
from cood.evaluation.neighbours import altered, copy_similarities, find_neighbours
from cood.files import read_table, read_tensors
from cood.models.loading import load, local
from cood.study import load_study
from cood.synthesis.sets import read_manifest


def quiet(text):
    pass


@pytest.fixture
def study(copied, settings):
    """The tiny study, embedded by `few`, with the given section `neighbours`."""

    def make(**given):
        settings["neighbours"] = {"model": "few", **given}
        file = copied.paths.root / "workflow" / "studies" / "tiny.yaml"
        file.write_text(yaml.safe_dump(settings))
        return load_study("tiny")

    return make


def test_among_the_drawings_of_training(study, capsys):
    settings = study()
    assert main(["neighbours", "--study", "tiny"]) == 0
    assert "few: drawing its 32 training images again" in capsys.readouterr().err
    table = read_table(settings.paths.neighbours)
    manifest = read_manifest(settings, "ao")
    assert table["image"].tolist() == manifest["image"].tolist()
    own = read_tensors(settings.paths.embeddings("few", "ao"))[0]["images"]
    drawn = read_tensors(settings.paths.neighbours.parent / "training.safetensors")[0]["images"]
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (own, drawn)]
    similarity = unit[0] @ unit[1].T
    np.testing.assert_allclose(table["similarity"], similarity.max(axis=1), atol=1e-5)
    np.testing.assert_array_equal(table["row"], similarity.argmax(axis=1))
    assert set(table["file"]) == {"training.safetensors"}
    nearest = load_nearest(settings)
    counts = summary(nearest).set_index("compositions")["images"]
    assert counts.to_dict() == {"seen": 16, "unseen": 24}  # of 20 compositions, 8 are trained on
    assert "drawings that few was trained on" in reading(settings, nearest)
    again = find_neighbours(settings, quiet)
    assert again.equals(table)


def test_among_files_where_a_set_finds_itself(study):
    settings = study(references=["references"])
    folder = settings.paths.root / "references"
    folder.mkdir()
    own = read_tensors(settings.paths.embeddings("few", "ao"))[0]["images"]
    np.save(folder / "a.npy", own[:15])
    np.save(folder / "b.npy", 7 * own[15:])
    find_neighbours(settings, quiet)
    nearest = load_nearest(settings)
    np.testing.assert_allclose(nearest["similarity"], 1, atol=1e-5)
    assert (nearest["file"] == ["a.npy"] * 15 + ["b.npy"] * 25).all()
    assert nearest["row"].tolist() == [*range(15), *range(25)]
    (row,) = summary(nearest).to_dict("records")
    assert (row["compositions"], row["as near as copies"]) == ("all", "100.0 %")
    assert reading(settings, nearest) == "The references are training images embedded by few."
    (folder / "a.npy").write_bytes(b"no")
    assert main(["neighbours", "--study", "tiny"]) == 1


def test_the_threshold_is_what_copies_reach(study):
    settings = study(copies_found=0.75)
    table = find_neighbours(settings, quiet)
    manifest = read_manifest(settings, "ao")
    images = read_tensors(settings.paths.embeddings("few", "ao"))[0]["images"]
    clip = load(local(settings.paths.model("few")))
    folder = settings.paths.manifest("ao").parent
    copies = copy_similarities(clip, folder, manifest, images)
    assert len(copies) == 3 * len(manifest)
    assert copies.max() <= 1 + 1e-6
    assert (copies >= table["threshold"][0]).mean() == pytest.approx(0.75, abs=0.01)
    # A copy is nearer to its own image than to others.
    shuffled = copy_similarities(clip, folder, manifest, np.roll(images, 7, axis=0))
    assert copies.mean() > shuffled.mean()


def test_copies_of_an_image():
    pixels = np.random.default_rng(0).integers(256, size=(40, 60, 3), dtype=np.uint8)
    packed, cropped, smaller = altered(Image.fromarray(pixels))
    assert packed.size == (60, 40)
    assert not np.array_equal(packed, pixels)
    np.testing.assert_array_equal(cropped, pixels[2:38, 3:57])
    assert smaller.size == (30, 20)


def test_a_model_that_cannot_be_had(study, settings):
    settings["models"]["gone"] = {"checkpoint": "local-dir:nowhere"}
    changed = study(model="gone", references=["a.npy"])
    find_neighbours(changed, quiet)
    nearest = load_nearest(changed)
    assert "The model gone could not be had: " in reading(changed, nearest)
    assert summary(nearest).to_dict("records") == [{"set": "none", "images": 0}]


def test_a_study_without(done):
    nearest = load_nearest(done)
    assert reading(done, nearest) == NONE
    assert summary(nearest).to_dict("records") == [{"set": "none", "images": 0}]
    with pytest.raises(StudyError, match="neighbours: the study file has no such section"):
        find_neighbours(done, quiet)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"model": "fwe"}, "neighbours.model: unknown trained model 'fwe'; did you mean few?; oth"),
        ({"model": "fwe", "references": ["a"]}, "neighbours.model: unknown model 'fwe'; did you"),
        ({"model": "few", "references": []}, "neighbours.references: List should have at least 1"),
        ({"model": "few", "reference": ["a"]}, "unknown key 'neighbours.reference'; did you mean"),
    ],
)
def test_a_wrong_section(parse, given, message):
    with pytest.raises(StudyError, match=message.replace("?", r"\?")):
        parse(neighbours=given)
