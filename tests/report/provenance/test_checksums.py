import hashlib

from cood.report.provenance.checksums import checksums, digest, seeds


def test_every_seed_of_a_study_is_listed(factored):
    table = seeds(factored).set_index("what")["seed"]
    assert table.to_dict() == {
        "study": 7,
        "model few": 0,
        "model most": 1,
        "model on-shapes": 0,
        "model on-shapes-more": 0,
    }


def test_image_encoders_have_seeds_and_weights(parse, project):
    study = parse(image_encoders={"random": {"untrained": "resnet", "seed": 3}})
    assert seeds(study).set_index("what").loc["image encoder random", "seed"] == 3
    assert {"image_encoders.parquet", "models/random/model.safetensors"} <= set(
        checksums(study)["file"]
    )


def test_checksums_are_those_of_the_files(done):
    table = checksums(done).set_index("file")["sha256"]
    for name in ("sets/ao/manifest.parquet", "models/few/open_clip_model.safetensors"):
        content = (done.paths.results / name).read_bytes()
        assert table[name] == hashlib.sha256(content).hexdigest()[:16]
    assert table["models/most/open_clip_model.safetensors"] == "missing"
    assert table["scores.parquet"] == "missing"
    assert len(table["sets/ao/"]) == 16


def test_one_image_changes_the_checksum_of_its_set_only(copied):
    before = checksums(copied).set_index("file")["sha256"]
    assert checksums(copied).set_index("file")["sha256"].equals(before)
    image = copied.paths.manifest("ao").parent / "red apple" / "1.png"
    image.write_bytes(image.read_bytes() + b"x")
    after = checksums(copied).set_index("file")["sha256"]
    assert list(after.index[after != before]) == ["sets/ao/"]


def test_a_checksum_of_several_files(tmp_path):
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "b").write_bytes(b"two")
    both = digest([tmp_path / "a", tmp_path / "b"])
    assert both == hashlib.sha256(b"onetwo").hexdigest()[:16]
    assert digest([tmp_path / "a", tmp_path / "c"]) == "missing"
