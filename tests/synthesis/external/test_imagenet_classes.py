import pandas as pd
import pytest
from PIL import Image

from cood import imagenet
from cood.errors import CoodError, StudyError
from cood.synthesis.external.imagenet_classes import (
    FEWER_NUMBERS,
    SEVERAL,
    check_numbers,
    class_of,
    counts_fewer,
    note_on,
)
from cood.synthesis.external.importing import import_set


@pytest.fixture
def folder(project):
    return project / "data" / "val"


@pytest.fixture
def study(parse, folder):
    return parse(id_sets={"val": {"folder": "data/val"}})


def picture(path, colour):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), colour).save(path, format="png")


def test_wordnet_ids_are_in_the_order_of_the_classes():
    assert imagenet.synsets()[:2] == ("n01440764", "n01443537")
    assert imagenet.class_names()[:2] == ("tench", "goldfish")
    assert [class_of(id_) for id_ in imagenet.synsets()] == list(range(1000))


def test_numbers_are_numbers():
    assert [class_of(str(i)) for i in (0, 10, 9, 999)] == [0, 10, 9, 999]
    assert class_of("1000") == "unknown class: no such number"


def test_a_name_of_one_class_gives_its_number():
    own = [class_of(name) for name in imagenet.class_names()]
    several = [value for value in own if not isinstance(value, int)]
    assert several == [f"unknown class: {SEVERAL}"] * 5  # missile, sunglasses, cardigan
    assert all(value in (i, several[0]) for i, value in enumerate(own))
    first = [class_of(names[0]) for names in imagenet.lemmas()]
    assert all(value in (i, several[0]) for i, value in enumerate(first))
    assert class_of("ice bear") == class_of("Polar_Bear") == 296


@pytest.mark.parametrize("label", ["crane", "Cardigan", "cardigan", "maillot", "panther", "panda"])
def test_a_name_of_two_classes_names_none(label):
    assert class_of(label) == f"unknown class: {SEVERAL}"


def test_a_main_name_that_another_class_has_too_is_noted():
    assert class_of("Harp") == 594
    assert note_on("Harp") == "name of two classes: read as 'harp', not 'harmonica'"
    assert {note_on(label) for label in ("tench", "0", "n01440764", "crane", "no")} == {""}


@pytest.mark.parametrize(
    ("numbers", "refused"),
    [
        (range(1, 1001), True),
        (range(1, 11), True),
        (range(1001), True),  # with a class 0 for the background
        ([5, 1000], True),
        (range(1000), False),
        (range(10), False),
        ([1], False),
        ([1, 2, 5], False),
    ],
)
@pytest.mark.parametrize("form", ["{}", "{:04}"])
def test_numbers_that_start_at_1_are_refused(numbers, refused, form):
    labels, said = [form.format(n) for n in numbers], []
    if refused:
        with pytest.raises(CoodError, match=r"val: the folders are numbered .* numbered 0 to 999;"):
            check_numbers("val", labels, said.append)
    else:
        check_numbers("val", ["tench", *labels], said.append)
        assert said[0].startswith(f"val: classes are numbered from 0: folder {min(numbers)} is '")


def test_folders_that_are_numbered_from_1_make_no_set(study, folder):
    for number in (1, 2, 3):
        picture(folder / str(number) / "1.JPEG", (number, 0, 0))
    with pytest.raises(CoodError, match="the folders are numbered 1 to 3, but classes"):
        import_set(study, "val", say=lambda text: None)
    assert not study.paths.manifest("val").exists()


@pytest.mark.parametrize(
    ("labels", "fewer"),
    [
        (["0", "1", "2"], True),
        (["000", "001"], True),
        (["0", "tench", "1"], True),
        ([str(n) for n in range(1000)], False),
        (["0", "1", "3"], False),
        (["0"], False),
        (["tench"], False),
    ],
)
def test_numbers_that_may_count_other_classes(labels, fewer):
    assert counts_fewer(labels) == fewer


def test_images_in_folders_that_may_count_other_classes_are_noted(study, folder):
    for number in (0, 1):
        picture(folder / str(number) / "1.JPEG", (number, 0, 0))
    table = import_set(study, "val", say=lambda text: None).set_index("file")
    assert table["class"].to_dict() == {"0/1.JPEG": 0, "1/1.JPEG": 1}
    assert table["note"].tolist() == [
        f"{FEWER_NUMBERS}: read as {n!r}" for n in ("tench", "goldfish")
    ]


def test_classes_in_folders_that_differ_are_noted(study, folder):
    for k, label in enumerate(("fish/tench", "fish/goldfish", "brambling")):
        picture(folder / label / "1.JPEG", (k, 0, 0))
    notes = import_set(study, "val", say=lambda text: None).set_index("file")["note"]
    read = "label of the innermost folder: its name was read, not fish"
    assert notes.to_dict() == {
        "brambling/1.JPEG": "",
        "fish/goldfish/1.JPEG": read,
        "fish/tench/1.JPEG": read,
    }


@pytest.mark.parametrize("label", ["n99999999", "no such fish", "a\nb", "x" * 300, "²"])
def test_others_are_named_with_the_reason(label):
    assert isinstance(class_of(label), str)


def test_a_folder_becomes_a_table(study, folder):
    for k, label in enumerate(("n01440764", "10", "Polar bear", "no such fish")):
        picture(folder / label / "1.JPEG", (k, 0, 0))
    (folder / "10" / "2.JPEG").write_bytes(b"")
    said = []
    table = import_set(study, "val", say=said.append)
    kept = table[table["status"] == "kept"].set_index("class")
    assert kept["object"].to_dict() == {0: "tench", 10: "brambling", 296: "polar bear"}
    assert (study.paths.manifest("val").parent / kept["image"][10]).is_file()
    gone = table[table["status"] != "kept"].set_index("file")["status"]
    assert gone.to_dict() == {
        "10/2.JPEG": "empty file",
        "no such fish/1.JPEG": "unknown class: no such name",
    }
    assert "val: skipped folders that name no class of ImageNet: 'no such fish'" in said
    assert "val: 3 of 1,000 classes have an image; only these are candidate answers" in said
    assert pd.read_parquet(study.paths.isolated("val")).empty


def test_a_folder_that_cannot_be_used_is_refused(study, folder):
    with pytest.raises(CoodError, match=r"sets\.val: there is no folder .*val; correct it"):
        import_set(study, "val")
    picture(folder / "no such fish" / "1.png", "red")
    with pytest.raises(CoodError, match=r"no image of .* can be used, .* 'unknown class'"):
        import_set(study, "val", say=lambda text: None)


def test_names_of_sets_are_not_taken_twice(parse):
    with pytest.raises(StudyError, match=r"id_sets\.ao: that name is taken"):
        parse(id_sets={"ao": {"folder": "data/val"}})
