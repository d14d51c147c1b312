import h5py
import numpy as np
import pytest

from cood.errors import ArtefactError, CoodError, StudyError
from cood.factors.table import SHAPES3D
from cood.paths import Paths
from cood.pipeline.damage import discard_damaged
from cood.synthesis.image_files import load_image
from cood.synthesis.manifests import damaged_image, read_factor_manifest
from cood.synthesis.scenes import shapes3d
from cood.synthesis.scenes.factor_sets import draw_factor_set
from cood.synthesis.scenes.scenes import check_file, pixels
from cood.synthesis.scenes.splits import core, evaluation_scenes, seen, training_scenes

FACTORS = {"factor_sets": {"sprites": {"source": "dsprites", "images": 50, "size": 32}}}


def test_manifest_has_a_row_an_image(factored):
    manifest = read_factor_manifest(factored, "shapes")
    assert len(manifest) == 60
    assert not manifest["scene"].duplicated().any()
    ids = SHAPES3D.ids(manifest["scene"].to_numpy())
    np.testing.assert_array_equal(manifest[SHAPES3D.names], ids)
    np.testing.assert_array_equal(manifest["composition"], SHAPES3D.compositions(ids))
    assert "split" not in manifest  # it is one of a model, not of an image
    assert manifest["prompt"].tolist() == SHAPES3D.captions(SHAPES3D.word_ids(ids), "sentence")
    assert set(manifest["status"]) == {"kept"}
    assert set(manifest["generator"]) == {"rendered"}


def test_images_are_the_scenes(factored):
    manifest = read_factor_manifest(factored, "shapes")
    folder = factored.paths.manifest("shapes").parent
    assert {str(f.relative_to(folder)) for f in folder.rglob("*.png")} == set(manifest["image"])
    for row in manifest.head(4).itertuples():
        expected = shapes3d.render(SHAPES3D.values(SHAPES3D.ids(np.array([row.scene]))), 32)[0]
        np.testing.assert_array_equal(np.asarray(load_image(folder, row.image)), expected)
    assert damaged_image(factored.paths.manifest("shapes")) is None


def test_a_missing_image_discards_the_manifest(copied_factors):
    manifest = copied_factors.paths.manifest("sprites")
    next(manifest.parent.rglob("*.png")).unlink()
    assert discard_damaged(copied_factors, dry_run=False) == [str(manifest)]


def test_more_images_of_the_same_seed_and_other_seeds(factored, parse):
    sets = {"shapes": {"source": "shapes3d", "images": 60, "size": 64}}
    scenes = evaluation_scenes(factored, "shapes")
    np.testing.assert_array_equal(evaluation_scenes(parse(factor_sets=sets), "shapes"), scenes)
    assert not set(evaluation_scenes(parse(factor_sets=sets, seed=8), "shapes")) >= set(scenes)


def test_the_core_is_in_no_training_set(factored):
    left_out = set(core(factored, "shapes"))
    assert len(left_out) == 8  # 20 % of 40
    tested = set(evaluation_scenes(factored, "shapes"))
    for settings in factored.factor_models.values():
        own = seen(factored, settings)
        assert len(own) == round(settings.share * 32)
        assert not left_out & set(own)
        words = SHAPES3D.pair_words
        assert set(words.attribute_of(own)) == set(range(10))
        assert set(words.object_of(own)) == set(range(4))
        scenes = training_scenes(factored, settings)
        assert len(set(scenes)) == settings.images
        assert set(SHAPES3D.compositions(SHAPES3D.ids(scenes))) <= set(own)
        assert not tested & set(scenes)
    few, more = (set(seen(factored, m)) for m in factored.factor_models.values())
    assert few < more  # models of one seed


def test_models_of_other_seeds_see_other_compositions(factored):
    settings = factored.factor_models["on-shapes"]
    other = settings.model_copy(update={"seed": 1})
    assert set(seen(factored, settings)) != set(seen(factored, other))


@pytest.fixture
def published(project, parse):
    """A study whose set is read from a file that holds the rows it wants, and little else."""
    study = parse(factor_sets={"shapes": {"source": "shapes3d", "images": 5, "file": "3d.h5"}})
    scenes = evaluation_scenes(study, "shapes")
    with h5py.File(project / "3d.h5", "w") as file:
        images = file.create_dataset("images", (480_000, 64, 64, 3), "u1", chunks=(1, 64, 64, 3))
        labels = file.create_dataset("labels", (480_000, 6), "f8", chunks=(1, 6))
        for k, scene in enumerate(scenes):
            labels[scene] = SHAPES3D.values(SHAPES3D.ids(np.array([scene])))[0]
            images[scene] = 10 * k
    return study


def test_images_of_the_published_file_give_the_same_set(published):
    manifest = draw_factor_set(published, "shapes")
    assert set(manifest["generator"]) == {"published file"}
    folder = published.paths.manifest("shapes").parent
    for k, image in enumerate(manifest["image"]):
        assert load_image(folder, image).getpixel((3, 3)) == (10 * k,) * 3
    check_file(published, "shapes")


def test_a_missing_file_is_reported_before_anything_runs(project, parse):
    study = parse(factor_sets={"shapes": {"source": "shapes3d", "images": 5, "file": "no.h5"}})
    with pytest.raises(CoodError, match=r"no\.h5 does not exist; 3D Shapes .*GitHub"):
        check_file(study, "shapes")
    with pytest.raises(CoodError, match=r"no\.h5 does not exist"):
        draw_factor_set(study, "shapes")
    assert not study.paths.manifest("shapes").exists()


def test_unknown_sets_and_missing_manifests(parse, project):
    study = parse(factor_sets={"shapes": {"source": "shapes3d", "images": 5}})
    with pytest.raises(StudyError, match=r"unknown factor set 'shaeps'; did you mean shapes\?"):
        draw_factor_set(study, "shaeps")
    with pytest.raises(ArtefactError, match=r"manifest\.parquet does not exist"):
        read_factor_manifest(study, "shapes")


def test_drawing_again_gives_the_same_bytes(drawn_factors, project, parse):
    drawn = Paths(drawn_factors, "tiny").manifest("sprites").parent
    study = parse(**FACTORS)
    draw_factor_set(study, "sprites")
    folder = study.paths.manifest("sprites").parent
    assert folder != drawn
    one, other = (
        {f.relative_to(place): f.read_bytes() for f in place.rglob("*.png")}
        for place in (drawn, folder)
    )
    assert one == other
    assert pixels(study, study.factor_sets["sprites"], np.array([3])).shape == (1, 32, 32, 3)
