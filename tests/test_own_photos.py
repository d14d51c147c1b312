"""The page *My model, my photos*: its commands are typed, on made photos and a tiny checkpoint."""

import shlex
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cood.cli import main
from cood.models.small_clip import save_clip, untrained_clip
from cood.pipeline.run import report_dropped
from cood.settings import Towers
from cood.settings.study_file import load_study
from tests.how_to_pages import ROOT, blocks
from tests.projects import clone
from tests.test_how_to import make, sessions

PAGE = ROOT / "book" / "how-to" / "own-photos.md"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A project with two checkpoints, and photos of most pairs of the study of the page."""
    project = clone(tmp_path / "project")
    monkeypatch.chdir(project)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for seed, name in enumerate(("mine", "other")):
        save_clip(
            untrained_clip(Towers(image_tower="resnet"), seed=seed), project / "models" / name
        )
    rng = np.random.default_rng(0)
    for attribute in ("dried", "ripe", "rotten", "sliced"):
        for object_ in ("banana", "blood orange", "mango", "tomato"):
            place = project / "photos" / f"{attribute} {object_}"
            place.mkdir(parents=True)
            for k in range(2):
                pixels = rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(place / f"{k}.jpg")
    (project / "photos" / "ripe banana" / "unfinished.jpg").touch()
    return project


def test_the_page_does_what_it_says(folder, capfd):
    printed = []
    for kind, file, text in blocks(PAGE):
        if kind == "bash":
            capfd.readouterr()
            for line in text.splitlines():
                type_(line)
            said = " ".join("".join(capfd.readouterr()).split())
            printed.append(said)
        elif kind == "text" and not text.startswith("photos/"):
            for line in text.splitlines():
                assert line in said
        elif kind == "python":
            exec(text, {})
        elif kind == "yaml":
            (folder / file).write_text(text)
    assert {"scores.json", "scores.csv", "scores.html"} <= {p.name for p in folder.iterdir()}
    assert "photos: 1 file dropped, empty file: ripe banana/unfinished.jpg" in " ".join(printed)
    study = pd.read_parquet(folder / "results" / "own" / "accuracy" / "mine.parquet")
    command = pd.read_csv(folder / "scores.csv")
    command = command[(command["model"] == "models/mine") & command["against"].isna()]
    for metric in ("pair_top1", "attribute_top1", "object_top1"):
        usual = f"metric == {metric!r} and labels == 'all' and category == 'all'"
        (own,), (other,) = command.query(usual)["value"], study.query(usual)["value"]
        assert own == pytest.approx(other, abs=1e-9)


def type_(line):
    """Do what a line of the page says; the run of the study without notebooks and book."""
    program, *words = shlex.split(line)
    if program == "nox":
        session, *words = words[1], *words[3:]
        assert session in sessions()
        assert (session, words[0]) == ("reproduce", "--study")
        make(words[1])
        report_dropped(load_study(words[1]))
    else:
        assert program == "cood"
        assert main(words) == 0


def test_every_word_of_the_page_is_one_that_the_drawings_do_not_have(folder):
    (text,) = (text for kind, _, text in blocks(PAGE) if kind == "yaml")
    shutil.rmtree(folder / "photos")
    file = folder / "workflow" / "studies" / "own.yaml"
    file.write_text(text)
    assert "rotten" in load_study("own").words.attributes
    drawn = "{source: icons, images_per_composition: 1}"
    file.write_text(text.replace("{source: folder, folder: photos}", drawn))
    assert main(["reproduce", "--study", "own", "-n"]) == 1
