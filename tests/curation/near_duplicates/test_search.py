import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from cood.analysis.topics.novelty.near_duplicates import (
    load_nearest,
    load_references,
    summary,
)
from cood.catalogue.sources import local_source
from cood.curation.near_duplicates.calibration import (
    altered,
    copy_similarities,
    pair_similarities,
)
from cood.curation.near_duplicates.search import find_near_duplicates
from cood.errors import CoodError, StudyError
from cood.evaluation.embed.embed import embed_model
from cood.files import read_table, read_tensors
from cood.models.loading import load
from cood.report.topics.novelty import NO_COMPARISON, describe_comparison
from cood.settings.study_file import load_study
from cood.synthesis.manifests import read_manifest


def quiet(text):
    pass


@pytest.fixture
def study(copied, settings):
    """The tiny study, embedded by `few`, with the given section `neighbours`."""

    def make(**given):
        settings["near_duplicates"] = {"model": "few", **given}
        file = copied.paths.root / "workflow" / "studies" / "tiny.yaml"
        file.write_text(yaml.safe_dump(settings))
        return load_study("tiny")

    return make


def test_among_the_drawings_of_training(study):
    settings, lines = study(), []
    find_near_duplicates(settings, lines.append)
    assert lines[0] == "few: drawing its 64 training images again"
    table = read_table(settings.paths.near_duplicates)
    manifest = read_manifest(settings, "ao")
    assert table["image"].tolist() == manifest["image"].tolist()
    own = read_tensors(settings.paths.embeddings("few", "ao"))[0]["images"]
    drawn = read_tensors(settings.paths.near_duplicates.parent / "training.safetensors")[0][
        "images"
    ]
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (own, drawn)]
    similarity = unit[0] @ unit[1].T
    np.testing.assert_allclose(table["similarity"], similarity.max(axis=1), atol=1e-5)
    np.testing.assert_array_equal(table["row"], similarity.argmax(axis=1))
    assert set(table["file"]) == {"training.safetensors"}
    nearest = load_nearest(settings)
    counts = summary(nearest).set_index("compositions")["images"]
    assert counts.to_dict() == {"seen": 20, "unseen": 20}  # of 20 compositions, 10 are trained on
    assert "drawings that few was trained on" in describe_comparison(
        settings, nearest, load_references(settings)
    )
    again = find_near_duplicates(settings, quiet)
    assert again.equals(table)


def test_among_files_where_a_set_finds_itself(study):
    settings = study(references=["references"])
    folder = settings.paths.root / "references"
    folder.mkdir()
    own = read_tensors(settings.paths.embeddings("few", "ao"))[0]["images"]
    np.save(folder / "a.npy", own[:15])
    np.save(folder / "b.npy", 7 * own[15:])
    find_near_duplicates(settings, quiet)
    nearest = load_nearest(settings)
    np.testing.assert_allclose(nearest["similarity"], 1, atol=1e-5)
    assert (nearest["file"] == ["a.npy"] * 15 + ["b.npy"] * 25).all()
    assert nearest["row"].tolist() == [*range(15), *range(25)]
    (row,) = summary(nearest).to_dict("records")
    assert (row["compositions"], row["duplicates"]) == ("all", "100.0 %")
    assert (
        describe_comparison(settings, nearest, load_references(settings))
        == "The references are training images embedded by few."
    )


def test_a_bad_file_is_recorded_and_the_rest_goes_on(study):
    settings = study(references=["references", "gone.npy"])
    folder = settings.paths.root / "references"
    folder.mkdir()
    own = read_tensors(settings.paths.embeddings("few", "ao"))[0]["images"]
    np.save(folder / "a.npy", own[:15])
    np.save(folder / "wide.npy", np.ones((3, 3)))
    (folder / "b.npy").write_bytes(b"no")
    find_near_duplicates(settings, lambda text: None)
    nearest, references = load_nearest(settings), load_references(settings)
    assert set(nearest["file"]) == {"a.npy"}
    assert references["file"].str.split("/").str[-1].tolist() == [
        "a.npy",
        "b.npy",
        "wide.npy",
        "gone.npy",
    ]
    assert references["used"].tolist() == [15, 0, 0, 0]
    said = describe_comparison(settings, nearest, references)
    assert "3 of 4 reference files had problems; the first, `references/b.npy`: " in said
    (folder / "a.npy").unlink()
    find_near_duplicates(settings, quiet)
    nearest = load_nearest(settings)
    said = describe_comparison(settings, nearest, load_references(settings))
    assert "no reference can be used: " in said


def test_the_threshold_is_what_copies_reach(study):
    settings = study(copies_found=0.75)
    table = find_near_duplicates(settings, quiet)
    manifest = read_manifest(settings, "ao")
    images = read_tensors(settings.paths.embeddings("few", "ao"))[0]["images"]
    clip = load(local_source(settings.paths.model("few")))
    folder = settings.paths.manifest("ao").parent
    copies = copy_similarities(clip, folder, manifest, images)
    assert len(copies) == 3 * len(manifest)
    assert copies.max() <= 1 + 1e-6
    assert (copies >= table["threshold"][0]).mean() == pytest.approx(0.75, abs=0.01)
    # A copy is nearer to its own image than to others.
    shuffled = copy_similarities(clip, folder, manifest, np.roll(images, 7, axis=0))
    assert copies.mean() > shuffled.mean()


def test_pairs_of_duplicates_enter_the_threshold(study):
    root = study().paths.root
    manifest = read_manifest(study(), "ao")
    images = [f"results/tiny/sets/ao/{name}" for name in manifest["image"]]
    pairs = pd.DataFrame({"image": images[:6], "copy": images[6:12]})
    pairs.loc[6] = [images[0], "gone.png"]
    pairs.to_csv(root / "pairs.csv", index=False)
    settings = study(pairs="pairs.csv", copies_found=0.5)
    table = find_near_duplicates(settings, quiet)
    own = read_tensors(settings.paths.embeddings("few", "ao"))[0]["images"]
    unit = own / np.linalg.norm(own, axis=1, keepdims=True)
    similarities = (unit[:6] * unit[6:12]).sum(axis=1)
    assert table["of_pairs"][0] == pytest.approx(np.median(similarities), abs=1e-5)
    assert (table["threshold"] == np.minimum(table["of_pairs"], table["of_copies"])).all()
    references = load_references(settings)
    assert references["kind"].tolist() == ["references", "pairs"]
    assert references["used"].tolist()[1] == 6
    assert "gone.png cannot be read" in references["problem"][1]
    said = describe_comparison(settings, load_nearest(settings), references)
    assert "6 pairs of images that are duplicates" in said
    assert "threshold of pairs" in summary(load_nearest(settings)).columns
    np.save(root / "own.npy", own)
    rows = {"file": "own.npy", "row": range(6), "copy_file": "own.npy", "copy_row": range(6, 12)}
    pd.DataFrame(rows).to_parquet(root / "rows.parquet")
    clip = load(local_source(settings.paths.model("few")))
    found = pair_similarities(clip, root / "rows.parquet", root)
    np.testing.assert_allclose(found.similarities, similarities, atol=1e-5)
    assert found.problems == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "needs the columns image, copy, or file, row, copy_file, copy_row, and has"),
        ("image,copy\nx.png,y.png\n", "no pair can be compared; image .*x.png cannot be read"),
        ("file,row,copy_file,copy_row\nx.npy,0,x.npy,1\n", "no pair can be compared; .*x.npy can"),
        ("image,copy\n", "no pair can be compared; it is empty"),
        ("", r"cannot be read \(.*; a parquet or CSV file is needed"),
    ],
)
def test_pairs_that_cannot_be_compared(done, tmp_path, text, said):
    (tmp_path / "pairs.csv").write_text(text)
    clip = load(local_source(done.paths.model("few")))
    with pytest.raises(CoodError, match=said) as caught:
        pair_similarities(clip, tmp_path / "pairs.csv", tmp_path)
    assert "\n" not in str(caught.value)


def test_copies_of_an_image():
    pixels = np.random.default_rng(0).integers(256, size=(40, 60, 3), dtype=np.uint8)
    packed, cropped, smaller = altered(Image.fromarray(pixels))
    assert packed.size == (60, 40)
    assert not np.array_equal(packed, pixels)
    np.testing.assert_array_equal(cropped, pixels[2:38, 3:57])
    assert smaller.size == (30, 20)


def test_a_model_that_cannot_be_loaded(study, settings):
    settings["models"]["gone"] = {"checkpoint": "local-dir:nowhere"}
    changed = study(model="gone", references=["a.npy"])
    embed_model(changed, "gone", quiet)
    find_near_duplicates(changed, quiet)
    nearest = load_nearest(changed)
    assert "No image could be compared with gone: " in describe_comparison(
        changed, nearest, load_references(changed)
    )
    assert summary(nearest).to_dict("records") == [{"set": "none", "images": 0}]


def test_a_study_without(done):
    nearest = load_nearest(done)
    assert describe_comparison(done, nearest, load_references(done)) == NO_COMPARISON
    assert summary(nearest).to_dict("records") == [{"set": "none", "images": 0}]
    with pytest.raises(StudyError, match="near_duplicates: the study file has no such section"):
        find_near_duplicates(done, quiet)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"model": "fwe"},
            "near_duplicates.model: unknown trained model 'fwe'; did you mean few?; oth",
        ),
        (
            {"model": "fwe", "references": ["a"]},
            "near_duplicates.model: unknown model 'fwe'; did you",
        ),
        (
            {"model": "few", "references": []},
            "near_duplicates.references: List should have at least 1",
        ),
        (
            {"model": "few", "reference": ["a"]},
            "near_duplicates: unknown key 'reference'; did you mean",
        ),
    ],
)
def test_a_wrong_section(parse, given, message):
    with pytest.raises(StudyError, match=message.replace("?", r"\?")):
        parse(near_duplicates=given)
