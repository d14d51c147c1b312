"""The user's road with models that were trained elsewhere: from files to HTML."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from cood.models.small_clip import save_clip, untrained_clip
from cood.settings import Towers
from tests.projects import clone

STUDY = {
    "seed": 3,
    "vocabulary": {
        "attributes": ["red", "blue", "striped", "dirty"],
        "objects": ["apple", "hat", "dog", "bus"],
    },
    "core": 0.2,
    "sets": {"mine": {"source": "folder", "folder": "data/mine"}},
    "id_sets": {"imagenet": {"folder": "data/val"}},
    "models": {
        "a": {"checkpoint": "local-dir:data/a", "family": "one"},
        "b": {"checkpoint": "local-dir:data/b", "family": "two"},
    },
    "image_encoders": {"raw": {"untrained": "resnet"}},
    "evaluation": {"templates": "imagenet", "resamples": 100},
    "retrieval": {"samples": 40},
    "dimension_swap": {"samples": 40},
    "representation_metrics": {"metrics": ["mig"], "repeats": 1, "folds": 2, "dimensions": 8},
    "factor_sets": {"shapes3d": {"source": "shapes3d", "images": 30, "size": 32}},
    "notebooks": {
        **{"dataset": {"columns": 4}, "accuracy": {}, "error_analysis": {}, "retrieval": {}},
        **{"claims": {}, "null_models": {}, "explorer": {}, "factor_sets": {"metric": "mig"}},
    },
}
VAL = {"n01440764": 3, "1": 3, "Great_white_shark": 3, "no such fish": 1}


def picture(path, rng):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(path)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project in which such a study was made, and what the run said."""
    project = clone(tmp_path_factory.mktemp("checkpoints"))
    (project / "workflow" / "studies" / "zoo.yaml").write_text(yaml.safe_dump(STUDY))
    rng = np.random.default_rng(0)
    for attribute in STUDY["vocabulary"]["attributes"]:
        for object_ in STUDY["vocabulary"]["objects"]:
            for k in range(3):
                picture(project / "data" / "mine" / f"{attribute} {object_}" / f"{k}.png", rng)
    for label, n in VAL.items():
        for k in range(n):
            picture(project / "data" / "val" / label / f"{k}.JPEG", rng)
    # A class on another disk.
    (project / "data" / "val" / "Great_white_shark").rename(project / "elsewhere")
    (project / "data" / "val" / "Great_white_shark").symlink_to(project / "elsewhere")
    for seed, name in enumerate("ab"):
        save_clip(untrained_clip(Towers(image_tower="resnet"), seed=seed), project / "data" / name)
    command = [sys.executable, "-m", "cood", "reproduce", "--study", "zoo", "--cores", "2"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    return project, done


def test_the_report_is_whole(made):
    project, done = made
    assert done.returncode == 0, done.stderr
    html = project / "_build" / "html"
    pages = {page.stem for page in (html / "executed").glob("*.html")}
    assert pages == set(STUDY["notebooks"])
    for name in ("index", "method", "status", "data-card", "deviations", "references"):
        text = (html / f"{name}.html").read_text()
        assert "{glue" not in text
        assert "Traceback" not in text
    front = (html / "index.html").read_text()
    assert "The study tests models that were trained elsewhere" in front
    assert "training_dynamics" not in front
    assert "Caption NMI" not in front
    accuracy = (html / "executed" / "accuracy.html").read_text()
    assert "imagenet, top-1" in accuracy
    assert "Are the models better than chance?" in accuracy
    assert "predicts?" not in accuracy  # a line through two models is none
    assert "“disentanglement is critical” (C15) <strong>cannot be tested</strong>" in front
    assert 'href="executed/accuracy.html">C-OoD rises with ID accuracy' in front


def test_the_hash_of_weights_stands_beside_their_scores(made):
    project, done = made
    assert done.returncode == 0, done.stderr
    models = pd.read_parquet(project / "results" / "zoo" / "models.parquet")
    assert models["weights_sha256"].str.fullmatch("[0-9a-f]{64}").all()
    assert models["weights_sha256"].nunique() == 2


def test_id_accuracy_stands_beside_the_others(made):
    project, done = made
    assert done.returncode == 0, done.stderr
    scores = pd.read_parquet(project / "results" / "zoo" / "scores.parquet")
    linear = scores["method"] == "linear_probe"
    found = scores[(scores["split"] == "id") & ~linear].set_index(["model", "metric"])
    assert set(found.index) == {(m, f"id_top{k}") for m in "ab" for k in (1, 5)}
    assert (found["n"] == 9).all()
    assert (found.xs("id_top5", level="metric")["value"] == 1).all()  # of three classes
    assert found.loc[("a", "id_top1"), "chance"] == pytest.approx(1 / 3)
    assert set(scores.loc[linear & (scores["set"] == "imagenet"), "model"]) == {"a", "b", "raw"}
    probed = scores[linear & (scores["metric"] == "pair_top1")]
    assert set(probed["model"]) == {"a", "b", "raw"}
    assert set(probed["split"]) == {"probe", "held out"}
    assert (project / "results/zoo/image_encoders.parquet").is_file()
    manifest = pd.read_parquet(project / "results" / "zoo" / "sets" / "imagenet/manifest.parquet")
    assert manifest["status"].value_counts().to_dict() == {
        "kept": 9,
        "unknown class: no such name": 1,
    }
    board = pd.read_csv(project / "results/zoo/notebooks/accuracy/leaderboard.csv")
    assert set(board["ID is"]) == {"imagenet, top-1"}
    text = (project / "_build/html/executed/accuracy.html").read_text()
    assert "a photo of a dirty" in text
    text = (project / "_build/html/executed/explorer.html").read_text()
    assert "all 2 models and all 48 images of 16 compositions" in text
    assert "no composition is marked as seen" in text
    cells = json.loads(
        (project / "results/zoo/notebooks/error_analysis/error_analysis.ipynb").read_text()
    )
    assert "seen in training" not in json.dumps([c.get("outputs") for c in cells["cells"]])


def test_other_weights_under_the_same_name_are_noticed(made):
    project, done = made
    assert done.returncode == 0, done.stderr
    command = [sys.executable, "-m", "cood", "reproduce", "--study", "zoo", "-n"]

    def planned():
        said = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
        return said.stderr

    assert "nothing to do" in planned()
    save_clip(untrained_clip(Towers(image_tower="resnet"), seed=9), project / "data" / "a")
    said = planned()
    assert "would embed with a: its settings, its code or a file that they name" in said
    assert "would score the accuracy of a" in said
    assert "embed with b" not in said
    save_clip(
        untrained_clip(Towers(image_tower="resnet"), seed=0), project / "data" / "a"
    )  # the first weights again
    added = project / "elsewhere" / "more.JPEG"
    picture(added, np.random.default_rng(1))
    assert "would import images imagenet: its settings, its code or a file" in planned()
    added.unlink()
    assert "nothing to do" in planned()
