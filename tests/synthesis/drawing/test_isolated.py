import numpy as np
import pandas as pd
import pytest

from cood.errors import ArtefactError, StudyError
from cood.files import write_table
from cood.paths import Paths
from cood.synthesis.drawing.draw import draw, draw_background, draw_mask
from cood.synthesis.drawing.icon_sets import draw_isolated, isolated_seed
from cood.synthesis.image_files import load_image
from cood.synthesis.manifests import damaged_image, read_isolated


def test_the_table_has_a_row_an_image(done):
    table = read_isolated(done, "ao")
    words = done.words
    assert len(table) == 3 * (len(words.attributes) + len(words.objects))
    assert not table["image"].duplicated().any()
    assert ((table["attribute"] == "") != (table["object"] == "")).all()
    for kind, known in (("attribute", words.attributes), ("object", words.objects)):
        counts = table.loc[table[kind] != "", kind].value_counts()
        assert counts.to_dict() == dict.fromkeys(known, 3)
    assert set(table["prompt"]) == {f"{a} thing" for a in words.attributes} | set(words.objects)


def test_images_are_where_and_what_the_table_says(done):
    folder = done.paths.isolated("ao").parent
    table = read_isolated(done, "ao")
    drawn = {str(f.relative_to(folder)) for f in (folder / "isolated").rglob("*.png")}
    assert drawn == set(table["image"])
    for row in table.itertuples():
        rng = np.random.default_rng(isolated_seed(7, row.seed))
        pixels = np.asarray(load_image(folder, row.image))
        np.testing.assert_array_equal(pixels, draw(row.object, row.attribute, rng, 32))
        assert (folder / row.image).stat().st_size == row.bytes
    assert damaged_image(done.paths.isolated("ao")) is None


def test_all_words_have_the_same_backgrounds_and_all_attributes_the_same_bodies(done):
    folder = done.paths.isolated("ao").parent
    for row in read_isolated(done, "ao").itertuples():
        seed = isolated_seed(7, row.seed)
        _, rim = draw_mask(row.object, np.random.default_rng(seed), 32)
        behind = draw_background(np.random.default_rng(seed), 32)
        pixels = np.asarray(load_image(folder, row.image))
        np.testing.assert_array_equal(pixels[rim == 0], behind[rim == 0])


def test_cores_and_number_of_images_do_not_change_an_image(built, project, parse):
    built = Paths(built, "tiny").isolated("ao").parent
    expected = {f.relative_to(built): f.read_bytes() for f in built.glob("isolated/*/*/0.png")}
    icons = {"source": "icons", "images_per_composition": 2, "size": 32}
    draw_isolated(parse(sets={"ao": {**icons, "isolated_images": 1}}), "ao", cores=2)
    folder = project / "results" / "tiny" / "sets" / "ao"
    drawn = {f.relative_to(folder): f.read_bytes() for f in folder.rglob("*.png")}
    assert len(drawn) == 9
    assert drawn == expected


def test_another_seed_draws_other_images(built, project, parse):
    built = Paths(built, "tiny").isolated("ao").parent
    study = parse(seed=8)
    for image in draw_isolated(study, "ao")["image"]:
        drawn = study.paths.isolated("ao").parent / image
        assert drawn.read_bytes() != (built / image).read_bytes()


def test_a_word_that_is_attribute_and_object_keeps_its_images_apart(project, parse):
    study = parse(
        vocabulary={"attributes": ["red", "orange"], "objects": ["dog", "orange"]},
        models={"c": {"checkpoint": "ViT-B-32/laion2b_e16"}},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cood.synthesis.drawing.icon_sets.write_drawings", lambda *given: 0)
        assert not draw_isolated(study, "ao")["image"].duplicated().any()
    read = read_isolated(study, "ao")
    assert (read["attribute"] == "orange").sum() == (read["object"] == "orange").sum() == 3


def test_a_word_without_an_image_is_refused(copied):
    path = copied.paths.isolated("ao")
    table = pd.read_parquet(path)
    table.loc[table["object"] == "hat", "status"] = "too dark"
    write_table(table, path)
    with pytest.raises(ArtefactError, match="has no image of the object 'hat'; delete it"):
        read_isolated(copied, "ao")


def test_only_kept_rows_are_read(copied):
    path = copied.paths.isolated("ao")
    table = pd.read_parquet(path)
    table.loc[[0, 4], "status"] = "too dark"
    write_table(table, path)
    kept = read_isolated(copied, "ao")
    assert kept["image"].tolist() == table["image"].drop([0, 4]).tolist()
    assert list(kept.index) == list(range(25))


def test_unknown_set_and_missing_table(tiny):
    for act in (draw_isolated, read_isolated):
        with pytest.raises(StudyError, match="unknown set 'oa'"):
            act(tiny, "oa")
    with pytest.raises(ArtefactError, match=r"isolated\.parquet does not exist"):
        read_isolated(tiny, "ao")
