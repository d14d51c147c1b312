import os

import numpy as np
import pytest

from cood.errors import CoodError
from cood.scorecard.photos import read_photos
from tests.scorecard.conftest import draw
from tests.synthesis.made_images import png, turned


def quiet(text):
    pass


def test_a_folder_becomes_words_and_ids(photos):
    read = read_photos(photos, say=quiet)
    assert read.words.attributes == ("red", "rotten")
    assert read.words.objects == ("apple", "polar bear")
    assert len(read.kept) == 20
    np.testing.assert_array_equal(np.bincount(read.truth), [5, 5, 5, 5])
    assert read.dropped.empty


def test_every_file_that_is_dropped_has_its_name_and_a_reason(photos):
    (photos / "red apple" / "again.png").write_bytes((photos / "red apple" / "0.png").read_bytes())
    (photos / "red apple" / "empty.jpg").touch()
    (photos / "red apple" / "text.jpg").write_text("no picture")
    (photos / "red apple" / "gone.png").symlink_to(photos / "nowhere")
    (photos / "notes.txt").write_text("hello")
    draw(photos / "apples" / "1.png", "red", "apple", 100)
    draw(photos / "loose.png", "red", "apple", 101)
    read = read_photos(photos, say=quiet)
    reasons = dict(read.dropped.itertuples(index=False))
    assert {name: reason.split(":")[0] for name, reason in reasons.items()} == {
        "apples/1.png": "bad label",
        "loose.png": "bad label",
        "notes.txt": "not an image",
        "red apple/again.png": "copy",
        "red apple/empty.jpg": "empty file",
        "red apple/gone.png": "not a file",
        "red apple/text.jpg": "not an image",
    }
    assert reasons["red apple/again.png"] == "copy: the same as red apple/0.png"
    assert len(read.kept) == 20


def test_folders_in_folders_count_by_the_last_one(photos):
    draw(photos / "more" / "red apple" / "9.png", "red", "apple", 99)
    kept = read_photos(photos, say=quiet).kept
    assert "more/red apple/9.png" in set(kept["file"])
    assert len(kept) == 21


def test_a_picture_in_two_folders_is_kept_in_both(photos):
    (photos / "rotten apple" / "x.png").write_bytes((photos / "red apple" / "0.png").read_bytes())
    read = read_photos(photos, say=quiet)
    assert len(read.kept) == 21
    assert dict(read.noted.itertuples(index=False)) == {
        "red apple/0.png": "one image under two labels: also rotten apple/x.png",
        "rotten apple/x.png": "one image under two labels: also red apple/0.png",
    }


def test_what_was_not_plain_is_noted(photos):
    pixels = np.zeros((4, 8, 3), np.uint8)
    (photos / "very odd thing").mkdir()
    (photos / "very odd thing" / "1.jpg").write_bytes(turned(pixels, 6, format="jpeg"))
    thin = png(np.zeros((1, 400, 3), np.uint8))
    (photos / "red apple" / "thin.png").write_bytes(thin)
    read = read_photos(photos, say=quiet)
    assert dict(read.noted.itertuples(index=False)) == {
        "very odd thing/1.jpg": "label divided by a guess: 'very' and 'odd thing'; "
        "turned as its orientation says"
    }
    assert list(read.dropped["reason"]) == [
        "too thin: 400 x 1 pixels, more than 100 times as long as wide"
    ]


def test_files_that_are_known_are_not_decoded_again(photos, monkeypatch):
    contents = dict.fromkeys(read_photos(photos, say=quiet).kept["content"], "turned")
    monkeypatch.setattr(
        "cood.scorecard.photos.fault_and_changes", lambda path: pytest.fail(f"{path}")
    )
    again = read_photos(photos, intact=contents, say=quiet)
    assert len(again.kept) == 20
    assert list(again.noted["note"]) == ["turned"] * 20  # what an earlier run noted


def test_pairs_of_one_text_are_refused(photos):
    for name in ("red brick, wall", "red, brick wall"):
        draw(photos / name / "1.png", "red", "apple", len(name))
    message = "photos cannot be told apart: 'red' with 'brick wall' and 'red brick' with 'wall' "
    with pytest.raises(CoodError, match=message):
        read_photos(photos, say=quiet)


def test_training_and_validation_in_one_folder_are_refused(photos):
    draw(photos / "train" / "red apple" / "1.png", "red", "apple", 90)
    draw(photos / "val" / "red apple" / "2.png", "red", "apple", 91)
    with pytest.raises(CoodError, match=r"images: .*photos holds images of several splits, train"):
        read_photos(photos, say=quiet)


def test_the_number_of_processes_changes_nothing(photos, monkeypatch):
    (photos / "red apple" / "empty.jpg").touch()
    one = read_photos(photos, say=quiet)
    monkeypatch.setattr("cood.scorecard.photos.PART", 4)
    assert read_photos(photos, cores=2, say=quiet).table.equals(one.table)


def test_rows_take_the_place_of_folders(photos):
    rows = [(file, "half eaten", "pie") for file in sorted(photos.glob("red */0.png"))]
    rows += [(photos / "rotten apple" / "1.png", "whole", "Eiffel Tower")]
    read = read_photos(rows, say=quiet)
    assert read.words.attributes == ("half eaten", "whole")
    assert read.words.objects == ("Eiffel Tower", "pie")
    assert (read.kept["file"] == [str(row[0]) for row in rows]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: folder / "nowhere", "there is no folder .*nowhere; correct its path"),
        (lambda folder: [], "the list is empty"),
        (lambda folder: [("a.png", "red", " ")], "a.png has no attribute or no object"),
        (lambda folder: [("a.png", "red", "hat")], "1 file dropped, not a file: a.png"),
        (lambda folder: folder / "red apple", "in no folder named by an attribute and an object"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(photos, change, message):
    with pytest.raises(CoodError, match=message) as caught:
        read_photos(change(photos), say=quiet)
    assert "\n" not in str(caught.value)


def test_a_row_that_is_listed_again_is_a_copy(photos):
    rows = [(file, "red", "apple") for file in sorted(photos.glob("red apple/*.png"))]
    rows += [(photos / "rotten polar bear" / "1.png", "rotten", "bear")]
    read = read_photos([*rows, rows[0], rows[0]], say=quiet)
    assert len(read.kept) == len(rows)
    assert list(read.dropped["reason"]) == [f"copy: the same as {rows[0][0]}"] * 2


def test_rows_may_be_of_an_array_and_in_the_home_folder(photos, monkeypatch):
    monkeypatch.setenv("HOME", str(photos))
    rows = [("~/red apple/0.png", "red", "apple"), ("~/rotten apple/1.png", "rotten", "hat")]
    read = read_photos(np.array(rows), say=quiet)
    assert list(read.kept["file"]) == [str(photos / file[2:]) for file, _, _ in rows]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("a.png", "red", float("nan"))], "row 0 is .'a.png', 'red', nan.; give rows of file"),
        ([("a.png", "red", "hat", "x")], "row 0 is .* give rows of file, attribute and object"),
        ([("a.png", 3, "hat")], "row 0 is "),
        (["a.png"], "row 0 is 'a.png'"),
        ([("a" * 300, "red", "hat")], "not a file"),
        (" ", "the name of the folder is empty"),
    ],
)
def test_rows_that_are_none_are_refused(rows, message):
    with pytest.raises(CoodError, match=message):
        read_photos(rows, say=quiet)


def test_an_empty_folder(tmp_path):
    with pytest.raises(CoodError, match="holds no file; images must lie in folders named by"):
        read_photos(tmp_path, say=quiet)


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        (["red apple"], "all 5 images of .* show the attribute 'red'; at least two attributes"),
        (["red apple", "rotten apple"], "all 10 images of .* show the object 'apple'"),
    ],
)
def test_one_word_alone_cannot_be_wrong(photos, kept, message):
    for folder in photos.iterdir():
        if folder.name not in kept:
            for file in folder.iterdir():
                os.remove(file)
    with pytest.raises(CoodError, match=message):
        read_photos(photos, say=quiet)


def test_labels_of_folders_in_folders_are_noted_where_these_differ(photos):
    (photos / "red" / "toy car").mkdir(parents=True)
    (photos / "red" / "toy car" / "1.png").write_bytes(png(np.zeros((5, 5, 3), np.uint8)))
    noted = dict(read_photos(photos, say=quiet).noted.itertuples(index=False))
    assert noted["red/toy car/1.png"].endswith("its name was read, not red")


@pytest.mark.parametrize("names", [("trainset", "testset"), ("TrainData", "ValData")])
def test_sets_of_training_and_of_test_images_are_refused(tmp_path, names):
    for name in names:
        (tmp_path / name / "red apple").mkdir(parents=True)
        (tmp_path / name / "red apple" / "1.png").write_bytes(png(np.zeros((5, 5, 3), np.uint8)))
    with pytest.raises(CoodError, match="training"):
        read_photos(tmp_path, say=quiet)
