import stat
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from cood.cli import main
from cood.errors import CoodError, StudyError
from cood.files import read_table
from cood.models.small_clip import save_clip, untrained_clip
from cood.pipeline.damage import discard_damaged
from cood.settings import Towers
from cood.settings.study_file import load_study
from cood.synthesis.external.importing import import_set
from cood.synthesis.image_files import load_image
from cood.synthesis.manifests import damaged_image, read_isolated, read_manifest
from cood.synthesis.notes import note_counts
from tests.synthesis.made_images import GREY, RAMP, WHOLE, bomb, png, turned

CHECKPOINTS = {"a": {"checkpoint": "ViT-B-32-quickgelu/openai"}}
PROBING = {"samples": 20}
FILES = {
    "red apple/1.png": WHOLE,
    "red apple/2.png": WHOLE,
    "red apple/3.jpg": png(GREY, format="jpeg"),
    "red_apple/0.webp": png(GREY, format="webp", lossless=True),
    "Blue hat/a.png": WHOLE,
    "striped_dog/16.png": png(np.asarray(GREY[..., 0]).astype(np.uint16) * 257),
    "striped_dog/empty.png": b"",
    "striped_dog/text.png": b"this is text",
    "striped_dog/cut.png": WHOLE[:700],
    "striped_dog/huge.png": bomb(20_000),
    "striped_dog/notes.txt": b"hello",
    "stainedblue plaid hat/1.png": WHOLE,
    "red unicorn/1.png": WHOLE,
    "<script>alert(1)<script>/1.png": WHOLE,
    "red\napple/1.png": WHOLE,
    "1.png": WHOLE,
    ".hidden/.DS_Store": b"x",
    ".trash/red apple/1.png": png(GREY),
}
STATUS = {
    "red apple/1.png": "kept",
    "red apple/2.png": "copy: the same as red apple/1.png",
    "red apple/3.jpg": "kept",
    "red_apple/0.webp": "kept",
    "Blue hat/a.png": "kept",
    "striped_dog/16.png": "kept",
    "striped_dog/empty.png": "empty file",
    "striped_dog/text.png": "not an image",
    "striped_dog/cut.png": "damaged",
    "striped_dog/huge.png": "too large: more than 89,478,485 pixels",
    "striped_dog/notes.txt": "not an image: by its name",
    "stainedblue plaid hat/1.png": "unknown attribute: two attributes run together",
    "red unicorn/1.png": "unknown object: not in the vocabulary, or several of that name",
    "<script>alert(1)<script>/1.png": "unknown attribute: not in the vocabulary",
    "red\napple/1.png": "bad label: it holds a character that cannot be printed",
    "1.png": "bad label: empty",
}


def write_files(folder, files=FILES):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def write_zip(path, files=FILES):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


@pytest.fixture
def study(project, settings):
    """Write the study `tiny` with one set, of the given settings, and read it."""

    def make(**given):
        changed = {
            **settings,
            "sets": {"own": given},
            "models": CHECKPOINTS,
            "retrieval": PROBING,
            "dimension_swap": PROBING,
        }
        (project / "workflow" / "studies" / "tiny.yaml").write_text(yaml.safe_dump(changed))
        return load_study("tiny")

    return make


def statuses(table):
    found = dict(zip(table["file"], table["status"], strict=True))
    return {
        file: status.split(": ")[0] if "cut" in file else status for file, status in found.items()
    }


@pytest.fixture(params=["folder", "folder of the release", "zip"])
def imported(request, project, study):
    """A study whose set is `FILES`, in every form in which it can come."""
    if request.param == "zip":
        write_zip(project / "own.zip")
        return study(source="release", file="own.zip")
    write_files(project / "mine")
    if request.param == "folder":
        return study(source="folder", folder="mine", generator="my camera")
    return study(source="release", file="mine")


def test_every_file_is_kept_or_has_a_reason(imported):
    lines = []
    import_set(imported, "own", cores=1, say=lines.append)
    table = pd.read_parquet(imported.paths.manifest("own"))
    assert statuses(table) == STATUS
    kept = read_manifest(imported, "own")
    assert sorted(kept["image"]) == [
        "blue hat/0.png",
        "red apple/0.png",
        "red apple/2.jpg",
        "red apple/3.webp",
        "striped dog/0.png",
    ]
    expected = imported.words.ids(kept["attribute"], kept["object"])
    np.testing.assert_array_equal(kept["composition"], expected)
    assert (kept["prompt"] == kept["attribute"] + " " + kept["object"]).all()
    dropped = table[table["status"] != "kept"]
    assert set(dropped["bytes"]) == {0}
    assert lines[-1] == "own: 5 images kept of 16 files"


def test_images_are_unchanged_and_where_the_manifest_says(imported):
    table = import_set(imported, "own")
    folder = imported.paths.manifest("own").parent
    files = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.suffix != ".parquet"}
    files = {file for file in files if "." in file}
    assert files == set(table.loc[table["status"] == "kept", "image"])
    np.testing.assert_array_equal(load_image(folder, "striped dog/0.png"), GREY)
    np.testing.assert_array_equal(load_image(folder, "red apple/3.webp"), GREY)
    assert damaged_image(imported.paths.manifest("own")) is None
    assert read_isolated(imported, "own") is None
    assert read_table(imported.paths.isolated("own")).empty


def test_images_of_a_folder_are_linked_and_not_touched(project, study):
    write_files(project / "mine")
    settings = study(source="folder", folder="mine", generator="my camera")
    for _ in range(2):  # the second time over the first
        table = import_set(settings, "own", cores=2)
    assert {n: (project / "mine" / n).read_bytes() for n in FILES} == FILES
    assert set(table["generator"]) == {"my camera"}
    link = settings.paths.manifest("own").parent / "blue hat" / "0.png"
    assert link.is_symlink()
    assert link.resolve() == project / "mine" / "Blue hat" / "a.png"
    (project / "mine" / "Blue hat" / "a.png").unlink()
    assert discard_damaged(settings, dry_run=False) == [str(settings.paths.manifest("own"))]
    assert "Blue hat/a.png" not in set(import_set(settings, "own")["file"])


def test_the_number_of_processes_changes_nothing(imported, monkeypatch):
    one = import_set(imported, "own", cores=1)
    monkeypatch.setattr("cood.synthesis.external.transfer.PART", 2)
    pd.testing.assert_frame_equal(import_set(imported, "own", cores=2), one)


def test_nothing_is_written_outside_the_set(project, study):
    entries = {
        "ao/red apple/1.png": "kept",
        "../red apple/2.png": "bad path: it leads out of the archive",
        "ao/../../../red apple/3.png": "bad path: it leads out of the archive",
        "/tmp/red apple/4.png": "bad path: it leads out of the archive",
        "..\\red apple\\5.png": "bad path: it leads out of the archive",
        "ao\\blue hat\\6.png": "kept",
        "ao/red " + "x" * 300 + "/7.png": "bad label: longer than 200 characters",
        "__MACOSX/ao/red apple/8.png": None,
    }
    with zipfile.ZipFile(project / "own.zip", "w") as archive:
        for k, name in enumerate(entries):
            archive.writestr(name, png(GREY + np.uint8(k)))
        link = zipfile.ZipInfo("ao/red apple/9.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.mkdir("ao/red dog")
    before = {p for p in project.parent.rglob("*") if "results" not in p.parts}
    table = import_set(study(source="release", file="own.zip"), "own")
    found = dict(zip(table["file"], table["status"], strict=True))
    assert found.pop("ao/red apple/9.png") == "not a file"
    assert found == {name: status for name, status in entries.items() if status}
    assert {p for p in project.parent.rglob("*") if "results" not in p.parts} == before


def test_damage_inside_an_archive_costs_one_image(project, study):
    write_zip(project / "own.zip", {"red apple/1.png": WHOLE, "blue hat/2.png": png(GREY)})
    content = (project / "own.zip").read_bytes()
    place = content.index(WHOLE) + 600
    (project / "own.zip").write_bytes(content[:place] + b"XXXX" + content[place + 4 :])
    table = import_set(study(source="release", file="own.zip"), "own")
    found = dict(zip(table["file"], table["status"], strict=True))
    assert found["red apple/1.png"].startswith("damaged: in the archive, Bad CRC-32")
    assert found["blue hat/2.png"] == "kept"


def test_names_that_are_no_unicode(project, study):
    odd = b"\xff2.png".decode(errors="surrogateescape")
    write_files(project / "mine", {"red apple/1.png": WHOLE, f"red apple/{odd}": WHOLE})
    table = import_set(study(source="folder", folder="mine"), "own")
    assert dict(zip(table["file"], table["status"], strict=True)) == {
        "red apple/1.png": "kept",
        "red apple/\\udcff2.png": "bad path: no Unicode",
    }


def test_what_was_not_plain_is_noted_of_each_image(project, study):
    half = np.dstack([GREY, RAMP])
    write_files(
        project / "mine",
        {
            "red apple/1.png": WHOLE,
            "blue hat/same.png": WHOLE,
            "blue hat/turned.jpg": turned(GREY[:9], 6, format="jpeg"),
            "red dog/1.png": png(half),
            "red dog/2.png": png(GREY),
            "red dog/thin.png": png(GREY[:1].repeat(400, axis=1)),
        },
    )
    lines = []
    table = import_set(study(source="folder", folder="mine"), "own", say=lines.append)
    assert dict(zip(table["file"], table["note"], strict=True)) == {
        "red apple/1.png": "one image under two labels: also blue hat/same.png",
        "blue hat/same.png": "one image under two labels: also red apple/1.png",
        "blue hat/turned.jpg": "turned as its orientation says",
        "red dog/1.png": "transparent parts laid on white",
        "red dog/2.png": "",
        "red dog/thin.png": "",
    }
    thin = table.set_index("file").loc["red dog/thin.png", "status"]
    assert thin == "too thin: 6400 x 1 pixels, more than 100 times as long as wide"
    assert note_counts(table["note"])["one image under two labels"] == 2


def test_a_linked_image_under_two_labels_is_noted(project, study):
    write_files(project / "mine", {"red apple/1.png": WHOLE, "red dog/1.png": png(GREY)})
    (project / "mine" / "blue hat").mkdir()
    (project / "mine" / "blue hat" / "1.png").symlink_to(project / "mine" / "red apple" / "1.png")
    table = import_set(study(source="folder", folder="mine"), "own")
    assert (table["note"] != "").sum() == 2


@pytest.mark.parametrize(("mine", "kept"), [(False, 1), (True, 0)])
def test_a_name_that_is_cut_off_is_that_of_the_release_only(project, study, mine, kept):
    write_files(project / "own", {"red appl/1.png": WHOLE, "red dog/1.png": png(GREY)})
    given = {"source": "folder", "folder": "own"} if mine else {"source": "release", "file": "own"}
    table = import_set(study(**given), "own").set_index("file")
    assert (table["status"] == "kept").sum() == 1 + kept
    assert table.loc["red appl/1.png", "note"] == "label cut off: read as 'apple'" * kept


@pytest.mark.parametrize(
    ("folders", "refused"),
    [
        (("train/", "val/"), True),
        (("Training/", "test/"), True),
        (("ILSVRC2012_img_train/", "ILSVRC2012_img_val/"), True),
        (("a/train2017/", "a/val2017/"), True),
        (("train/", ""), False),
        (("train/", "more/"), False),
        (("2019/", "2020/"), False),
    ],
)
def test_training_and_validation_in_one_folder_are_refused(project, study, folders, refused):
    for k, folder in enumerate(folders):
        write_files(project / "mine", {f"{folder}red apple/{k}.png": png(GREY + np.uint8(k))})
    settings = study(source="folder", folder="mine")
    if refused:
        with pytest.raises(CoodError, match=r"sets\.own: .*mine holds images of several splits, "):
            import_set(settings, "own")
    else:
        assert len(import_set(settings, "own")) == 2


def study_path(project):
    return project / "results" / "tiny" / "sets" / "own" / "manifest.parquet"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"source": "folder", "folder": "nowhere"}, r"sets\.own: there is no folder .*nowhere"),
        ({"source": "folder", "folder": "file"}, r"sets\.own: there is no folder .*file"),
        (
            {"source": "folder", "folder": "empty"},
            r"empty holds no file; images must lie in folders",
        ),
        ({"source": "folder", "folder": "odd"}, "most often for the reason 'unknown attribute'"),
        ({"source": "release", "file": "nowhere.zip"}, "or give its `url` in the study file"),
        ({"source": "release", "file": "file"}, "file is not a zip archive"),
    ],
)
def test_a_source_without_usable_images_is_refused_in_one_sentence(project, study, given, message):
    (project / "empty").mkdir()
    (project / "file").write_text("text")
    write_files(project / "odd", {"angry apple/1.png": WHOLE})
    with pytest.raises(CoodError, match=message) as caught:
        import_set(study(**given), "own")
    assert "\n" not in str(caught.value)
    assert not study_path(project).exists()


def test_links_to_folders_are_followed_and_loops_are_named(project, study):
    write_files(project / "elsewhere" / "red apple", {"1.png": WHOLE})
    write_files(project / "mine", {"blue hat/1.png": WHOLE})
    (project / "mine" / "red apple").symlink_to(project / "elsewhere" / "red apple")
    (project / "mine" / "blue bus").symlink_to(project / "mine")
    table = import_set(study(source="folder", folder="mine"), "own").set_index("file")
    assert table["status"].to_dict() == {
        "blue bus": "not a file: a link to a folder that it lies in",
        "blue hat/1.png": "kept",
        "red apple/1.png": "kept",
    }


@pytest.mark.parametrize(
    ("given", "noted"),
    [
        ({"source": "folder", "folder": "mine"}, True),
        ({"source": "release", "file": "mine"}, False),
    ],
)
def test_folders_in_folders_that_differ_are_noted(project, study, given, noted):
    write_files(project / "mine", {"red/blue bus/1.png": WHOLE, "red apple/2.png": png(GREY)})
    table = import_set(study(**given), "own").set_index("file")
    assert table["composition"].ge(0).all()
    note = "label of the innermost folder: its name was read, not red" if noted else ""
    assert table["note"].to_dict() == {"red/blue bus/1.png": note, "red apple/2.png": ""}


def test_images_are_copied_where_there_are_no_links(project, study, monkeypatch):
    def refuse(link, target):
        raise PermissionError(1, "Operation not permitted")

    write_files(project / "mine", {"blue hat/1.png": WHOLE})
    monkeypatch.setattr(Path, "symlink_to", refuse)
    table = import_set(study(source="folder", folder="mine"), "own")
    assert table["status"].tolist() == ["kept"]
    image = study_path(project).parent / table["image"][0]
    assert image.read_bytes() == (project / "mine" / "blue hat" / "1.png").read_bytes()
    assert not image.is_symlink()


def test_a_set_that_is_made_here_cannot_be_imported(tiny):
    with pytest.raises(TypeError, match="its source is 'icons'"):
        import_set(tiny, "ao")
    with pytest.raises(StudyError, match="unknown set"):
        import_set(tiny, "oa")


def test_a_study_of_a_checkpoint_on_imported_images(project, study):
    rng = np.random.default_rng(0)
    for attribute in ("red", "blue", "striped"):
        for object_ in ("apple", "hat", "bus", "umbrella"):
            images = rng.integers(0, 256, (3, 20, 16, 3), dtype=np.uint8)
            folder = project / "mine" / f"{attribute} {object_}"
            write_files(folder, {f"{k}.png": png(pixels) for k, pixels in enumerate(images)})
    write_files(project / "mine", {"red dog/bad.png": b""})
    save_clip(untrained_clip(Towers(image_tower="resnet"), seed=1), project / "clip")
    settings = study(source="folder", folder="mine")
    file = settings.file
    changed = yaml.safe_load(file.read_text())
    changed["models"] = {"clip": {"checkpoint": f"local-dir:{project / 'clip'}"}}
    file.write_text(yaml.safe_dump(changed))
    run = ["--study", "tiny"]
    assert main(["import-images", *run, "--set", "own", "--cores", "1"]) == 0
    assert main(["embed", *run, "--model", "clip"]) == 0
    for command in (
        ["baselines"],
        *([c, "--model", "clip"] for c in ("accuracy", "dimension-swap", "representation-metrics")),
    ):
        assert main([command[0], *run, *command[1:]]) == 0
    assert main(["collect", *run]) == 0
    scores = read_table(settings.paths.scores)
    assert set(scores["model"]) == {"clip"}
    pairs = scores[(scores["metric"] == "pair_top1") & (scores["category"] == "all")]
    chance = pairs.set_index("labels")["chance"]
    assert chance["all"] == pytest.approx(1 / 20)
    assert chance["own"] == pytest.approx(1 / 12)  # only pairs with an image are offered
    # What needs images of words alone is left out, with a note.
    isolated = scores[scores["basis"] == "concepts"]
    image, text = (isolated[isolated["space"] == space] for space in ("image", "text"))
    assert image["value"].isna().all()
    assert set(image["note"]) == {"the set has no images of isolated words"}
    assert set(image["metric"]) == set(text["metric"])
    assert text["value"].notna().any()
