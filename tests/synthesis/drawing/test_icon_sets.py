import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cood.errors import ArtefactError, StudyError
from cood.files import write_table
from cood.paths import Paths
from cood.synthesis.drawing.draw import draw
from cood.synthesis.drawing.icon_sets import draw_compositions, image_seed
from cood.synthesis.image_files import load_image
from cood.synthesis.manifests import damaged_image, read_manifest


def test_manifest_has_a_row_an_image(done):
    table = read_manifest(done, "ao")
    assert len(table) == 40
    assert not table["image"].duplicated().any()
    assert (table["composition"].value_counts() == 2).all()
    expected = done.words.ids(table["attribute"], table["object"])
    np.testing.assert_array_equal(table["composition"], expected)
    assert "split" not in table  # it is one of a model, not of an image
    assert (table["prompt"] == table["attribute"] + " " + table["object"]).all()
    assert set(table["status"]) == {"kept"}


def test_images_are_where_and_what_the_manifest_says(done):
    folder = done.paths.manifest("ao").parent
    table = read_manifest(done, "ao")
    assert {str(f.relative_to(folder)) for f in folder.glob("* */*.png")} == set(table["image"])
    for row in table.sample(5, random_state=0).itertuples():
        rng = np.random.default_rng(image_seed(7, row.composition, row.seed))
        pixels = np.asarray(load_image(folder, row.image))
        np.testing.assert_array_equal(pixels, draw(row.object, row.attribute, rng, 32))
        assert (folder / row.image).stat().st_size == row.bytes
    assert damaged_image(done.paths.manifest("ao")) is None


def test_cores_and_number_of_images_do_not_change_an_image(built, project, parse):
    built = Paths(built, "tiny").manifest("ao").parent
    expected = {f.relative_to(built): f.read_bytes() for f in built.glob("* */0.png")}
    one = parse(sets={"ao": {"source": "icons", "images_per_composition": 1, "size": 32}})
    draw_compositions(one, "ao", cores=2)
    folder = project / "results" / "tiny" / "sets" / "ao"
    drawn = {f.relative_to(folder): f.read_bytes() for f in folder.rglob("*.png")}
    assert len(drawn) == 20
    assert drawn == expected
    assert list(folder.rglob(".*")) == []


def test_another_seed_draws_another_set(built, project, parse):
    built = Paths(built, "tiny").manifest("ao").parent
    sets = {"ao": {"source": "icons", "images_per_composition": 1, "size": 32}}
    draw_compositions(parse(seed=8, sets=sets), "ao")
    folder = project / "results" / "tiny" / "sets" / "ao"
    assert len(list(folder.rglob("*.png"))) == 20
    for file in folder.rglob("*.png"):
        assert file.read_bytes() != (built / file.relative_to(folder)).read_bytes()


def test_only_kept_rows_are_read(copied):
    path = copied.paths.manifest("ao")
    table = pd.read_parquet(path)
    table.loc[[0, 5], "status"] = "too dark"
    write_table(table, path)
    kept = read_manifest(copied, "ao")
    assert list(kept.index) == list(range(38))
    assert kept["image"].tolist() == table["image"].drop([0, 5]).tolist()


def test_unknown_set_and_missing_manifest(tiny):
    with pytest.raises(StudyError, match="unknown set 'oa'"):
        read_manifest(tiny, "oa")
    with pytest.raises(StudyError, match="unknown set 'oa'"):
        draw_compositions(tiny, "oa")
    with pytest.raises(ArtefactError, match=r"manifest.parquet does not exist"):
        read_manifest(tiny, "ao")


def test_an_object_without_a_drawing_is_refused(project, parse):
    study = parse(
        vocabulary={"attributes": ["red", "blue"], "objects": ["apple", "umbrela"]},
        models={"c": {"checkpoint": "ViT-B-32/laion2b_e16"}},
    )
    with pytest.raises(ValueError, match=r"'umbrela'; did you mean umbrella"):
        draw_compositions(study, "ao")
    assert not study.paths.manifest("ao").exists()


def test_an_image_that_is_missing_or_has_another_size_is_found(copied):
    manifest = copied.paths.manifest("ao")
    images = read_manifest(copied, "ao")["image"]
    (manifest.parent / images[7]).unlink()
    assert damaged_image(manifest) == images[7]
    whole = (manifest.parent / images[3]).read_bytes()
    (manifest.parent / images[3]).write_bytes(whole[:-20])
    assert damaged_image(manifest) == images[3]


def test_images_open_as_rgb(tmp_path):
    Image.new("LA", (4, 4), (90, 255)).save(tmp_path / "grey.png")
    picture = load_image(tmp_path, "grey.png")
    assert picture.mode == "RGB"
    assert picture.getpixel((0, 0)) == (90, 90, 90)


@pytest.mark.parametrize("content", [None, b"", b"\x89PNG\r\n\x1a\n" + b"0" * 50, 0.6])
def test_an_image_that_cannot_be_read_is_named(tmp_path, content):
    path = tmp_path / "x.png"
    if isinstance(content, float):
        pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        content = path.read_bytes()[: int(content * path.stat().st_size)]
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ArtefactError, match=r"cannot be read .* delete it and run") as caught:
        load_image(tmp_path, "x.png")
    assert str(path) in str(caught.value)
