import numpy as np
import pandas as pd
import pytest

from cood.errors import ArtefactError, StudyError
from cood.files import read_table, write_table
from cood.synthesis.generation.shards import join_shards, made, planned, recipe
from cood.synthesis.manifests import KEPT, failed_image, read_isolated, read_manifest

CHECKPOINTS = {"a": {"checkpoint": "ViT-B-32-quickgelu/openai"}}


@pytest.fixture
def generated(project, parse):
    """Make a study of one generated set with the given settings."""

    def make(seed=7, name="turbo", **given):
        own = {"source": "diffusion", "shard": 8, "images_per_composition": 2, "isolated_images": 1}
        sets = {name: {**own, "size": 16, **given}}
        return parse(seed=seed, sets=sets, models=CHECKPOINTS)

    return make


def whole(study, name="turbo"):
    parts = [planned(study, name, shard) for shard in study.shard_names(name)]
    return pd.concat(parts, ignore_index=True)


def test_shards_hold_every_image_once(generated):
    study = generated()
    assert study.shard_names("turbo") == ["0", "1", "2", "isolated-0", "isolated-1"]
    table = whole(study)
    words = study.words
    assert len(table) == 2 * 20 + 9
    assert not table["image"].duplicated().any()
    assert not table["seed"].duplicated().any()
    pairs = table[table["composition"] >= 0]
    expected = words.ids(pairs["attribute"], pairs["object"])
    np.testing.assert_array_equal(pairs["composition"], expected)
    np.testing.assert_array_equal(pairs["composition"], np.repeat(np.arange(20), 2))
    assert (pairs["prompt"] == pairs["attribute"] + " " + pairs["object"]).all()
    assert set(pairs["image"][:2]) == {"red apple/0.webp", "red apple/1.webp"}
    alone = table[table["composition"] < 0]
    assert alone["prompt"].tolist() == [*(f"{a} thing" for a in words.attributes), *words.objects]
    assert alone["image"].iloc[0] == "isolated/attributes/red/0.webp"
    assert alone["image"].iloc[-1] == "isolated/objects/umbrella/0.webp"


def test_an_image_is_the_same_whatever_the_shards_and_the_number_of_images(generated):
    table = whole(generated())
    other = whole(generated(shard=3, images_per_composition=3, isolated_images=2, batch=5))
    both = table.merge(other, on="image", suffixes=("", " there"))
    assert len(both) == len(table)
    for column in ("prompt", "seed", "recipe"):
        assert (both[column] == both[f"{column} there"]).all()


def test_seeds_depend_on_the_study_and_on_the_set(generated):
    seeds = set(whole(generated())["seed"])
    assert not seeds & set(whole(generated(seed=8))["seed"])
    assert not seeds & set(whole(generated(name="other"), "other")["seed"])
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_prompts_take_turns(generated):
    study = generated(prompts=["{}", "a photo of a {}"], images_per_composition=3)
    table = planned(study, "turbo", "0")
    assert table["prompt"].tolist()[:3] == ["red apple", "a photo of a red apple", "red apple"]
    alone = planned(study, "turbo", "isolated-0")
    assert alone["prompt"].iloc[0] == "red thing"
    table = planned(
        generated(prompts=["a photo of a {}"], isolated_images=1), "turbo", "isolated-1"
    )
    assert table["prompt"].iloc[-1] == "a photo of an umbrella"


def test_the_recipe_of_earlier_images_is_kept(generated):
    # Of a pipeline with its own decoder, as in the files that were made before others could be.
    assert recipe(generated().generated_set("turbo")) == "eb0c0f840503"
    table = planned(generated(vae="a/b", revision="main"), "turbo", "0")
    assert set(table["generator"]) == {"stabilityai/sdxl-turbo@main with the decoder of a/b"}


def test_the_recipe_holds_what_an_image_depends_on(generated):
    base = recipe(generated().generated_set("turbo"))
    changes = ({"steps": 4}, {"size": 32}, {"model": "a/b"}, {"revision": "main"}, {"vae": "a/b"})
    for change in changes:
        assert recipe(generated(**change).generated_set("turbo")) != base
    for change in ({"batch": 3}, {"shard": 3}, {"images_per_composition": 5}):
        assert recipe(generated(**change).generated_set("turbo")) == base


def write(study, shard, **changed):
    """Write a shard as if it were made, with one-byte images."""
    folder = study.paths.manifest("turbo").parent
    table = planned(study, "turbo", shard).assign(status=KEPT, bytes=1)
    for column, values in changed.items():
        table.loc[list(values), column] = list(values.values())
    for image in table["image"]:
        (folder / image).parent.mkdir(parents=True, exist_ok=True)
        (folder / image).write_bytes(b"x")
    write_table(table, study.paths.shard("turbo", shard))


def test_a_shard_is_made_when_it_has_all_images_of_its_plan(generated):
    study = generated()
    assert not made(study, "turbo", "1")
    write(study, "1")
    assert made(study, "turbo", "1")
    assert not made(generated(steps=2), "turbo", "1")
    assert not made(generated(seed=8), "turbo", "1")
    image = study.paths.manifest("turbo").parent / planned(study, "turbo", "1")["image"].iloc[3]
    image.write_bytes(b"xy")
    assert not made(study, "turbo", "1")
    write(study, "1", status={2: "failed: no memory"}, bytes={2: 0})
    assert not made(study, "turbo", "1")
    assert "failed: no memory" in failed_image(study.paths.shard("turbo", "1"))
    write(study, "1", status={2: "unsafe: by the safety checker"})
    assert made(study, "turbo", "1")
    study.paths.shard("turbo", "1").write_bytes(b"PAR1")
    assert not made(study, "turbo", "1")


def test_shards_are_joined_to_a_set(generated):
    study = generated()
    for shard in study.shard_names("turbo"):
        write(study, shard, status={1: "failed: no memory"} if shard == "1" else {})
    table = join_shards(study, "turbo")
    assert len(table) == 40
    assert len(read_manifest(study, "turbo")) == 39
    assert {"image", "attribute", "object", "prompt", "seed", "generator", "status"} < set(
        read_table(study.paths.manifest("turbo"))
    )
    assert set(table["generator"]) == {"stabilityai/sdxl-turbo"}
    assert len(read_isolated(study, "turbo")) == 9


def test_a_word_without_an_image_leaves_the_isolated_words_out(generated):
    study = generated()
    for shard in study.shard_names("turbo"):
        write(study, shard, status={0: "failed: no memory"} if shard == "isolated-0" else {})
    join_shards(study, "turbo")
    assert read_isolated(study, "turbo") is None


def test_missing_shards_are_named(generated):
    study = generated()
    with pytest.raises(ArtefactError, match=r"shard-0\.parquet does not exist"):
        join_shards(study, "turbo")
    with pytest.raises(StudyError, match="set 'turbo': unknown shard '9'; known: 0, 1, 2, iso"):
        planned(study, "turbo", "9")
    with pytest.raises(StudyError, match="unknown generated set 'oa'; known: turbo"):
        study.shard_names("oa")
