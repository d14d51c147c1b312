import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import pytest

from cood.cli import main
from cood.pipeline import doctor
from cood.pipeline.doctor import examine
from cood.pipeline.plan import plan
from cood.pipeline.preflight import MISSING, OK, WARNING

ROOT = Path(__file__).parents[2]
CHECKPOINT = {"m": {"checkpoint": "ViT-B-16/laion2b_s34b_b88k"}}
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def machine(monkeypatch):
    """A machine with whatever is given, and all that a study needs where nothing is."""

    def make(gpus=(("A100", 80.0),), free=1e12, answers=None, repository=None):
        monkeypatch.setattr(doctor, "gpus", lambda: list(gpus))
        monkeypatch.setattr(doctor, "unreachable", lambda url: answers)
        monkeypatch.setattr(doctor, "closed", lambda repo: repository)
        monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: Usage(0, 0, free))

    make()
    return make


def states(study):
    return {check.what: (check.state, check.message) for check in examine(study)}


@pytest.fixture
def generated(parse, project):
    """A study with a generator and a checkpoint of the hub."""
    sets = {"g": {"source": "diffusion", "images_per_composition": 30_000}}
    return parse(sets=sets, models=CHECKPOINT)


def test_smoke_lacks_nothing():
    command = [sys.executable, "-m", "cood", "doctor", "--study", "smoke"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert len(lines) >= 3  # a finished study needs no more space
    assert all(line.startswith("ok ") for line in lines)


def test_a_machine_that_has_all(machine, generated):
    found = states(generated)
    assert {state for state, _ in found.values()} == {OK}
    assert found["GPU"][1] == "A100, 80 GB; the largest model needs some 20 GB"
    assert "repository stabilityai/sdxl-turbo" in found


def test_a_machine_that_has_nothing(machine, generated):
    machine(gpus=(), free=1e9, answers="no route to host")
    found = states(generated)
    missing = {what for what, (state, _) in found.items() if state == MISSING}
    assert missing == {"disk for results", "disk for weights", "GPU", "model hub"}
    assert "1.0 GB free" in found["disk for results"][1]
    assert "nvidia-smi finds none" in found["GPU"][1]
    assert "no route to host" in found["model hub"][1]


def test_image_only_towers_are_looked_for(machine, parse, project):
    machine(repository="accept its licence on its page, and set HF_TOKEN")
    towers = {
        "here": {"encoder": "local-dir:none"},
        "mine": {"encoder": "hf-hub:lab/tower@v1"},
        "large": {"encoder": "vit_large_patch14_dinov2.lvd142m"},
    }
    found = states(parse(image_encoders=towers))
    assert found["model here"][0] == WARNING
    assert "none does not exist" in found["model here"][1]
    assert found["repository lab/tower"][0] == WARNING
    assert found["GPU"][1] == "A100, 80 GB; the largest model needs some 7 GB"


def test_what_is_kept_is_no_download_and_is_not_missed(machine, generated, monkeypatch, tmp_path):
    machine(answers="no route to host")
    assert states(generated)["model hub"][0] == MISSING
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    kept = {
        "laion/CLIP-ViT-B-16-laion2B-s34B-b88K": {"open_clip_pytorch_model.bin": ""},
        "stabilityai/sdxl-turbo": {"model_index.json": '{"unet": ["d", "U"]}', "unet/a.bin": ""},
    }
    for repo, files in kept.items():
        place = tmp_path / f"models--{repo.replace('/', '--')}"
        inside = {f"snapshots/c0/{name}": text for name, text in files.items()}
        for name, text in {"refs/main": "c0", **inside}.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text)
    table = plan(generated).set_index("stage")
    assert table.loc["total", ["download_gb", "unknown"]].tolist() == [0, ""]
    found = states(generated)
    assert found["model hub"] == (OK, "not needed: nothing is left to download")
    assert not [what for what in found if what.startswith(("repository", "disk for weights"))]


def test_little_work_can_do_without_a_gpu(machine, parse, project):
    machine(gpus=())
    sets = {"g": {"source": "diffusion", "images_per_composition": 1}}
    state, said = states(parse(sets=sets, models=CHECKPOINT))["GPU"]
    assert state == WARNING
    assert "GPU hours" not in said  # they would round to 0.0


def test_a_small_gpu(machine, generated):
    machine(gpus=[("T4", 15.0), ("small", 4.0)])
    state, said = states(generated)["GPU"]
    assert state == WARNING
    assert said.startswith("T4, 15 GB")


def test_a_generator_that_asks_for_a_token(machine, generated):
    machine(repository="accept its licence on its page, and set HF_TOKEN")
    state, said = states(generated)["repository stabilityai/sdxl-turbo"]
    assert state == MISSING
    assert "HF_TOKEN" in said


def test_offline_by_choice(machine, generated, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    machine(answers="never asked")
    state, said = states(generated)["model hub"]
    assert state == WARNING
    assert "HF_HUB_OFFLINE" in said


def test_files_that_the_study_names(machine, parse, project):
    study = parse(
        sets={
            "mine": {"source": "folder", "folder": "data/mine"},
            "release": {"source": "release", "file": "data/ao.zip"},
            "own": {"source": "diffusion", "model": "local-dir:data/pipeline"},
        },
        models={"far": {"checkpoint": "local-dir:data/clip"}},
        corpora={"web": {"files": ["data/*.parquet"]}},
    )
    found = states(study)
    for what in ("images of mine", "images of release", "generator of own"):
        assert found[what][0] == MISSING
        assert str(project / "data") in found[what][1]
    for what in ("model far", "captions of web"):
        assert found[what][0] == WARNING
    for name in ("mine", "pipeline", "clip"):
        (project / "data" / name).mkdir(parents=True)
    assert states(study)["model far"][1].startswith(str(project / "data/clip/open_clip_config"))
    for name in ("ao.zip", "a.parquet", "clip/open_clip_config.json"):
        (project / "data" / name).write_text("x")
    found = states(study)
    assert {state for state, _ in found.values()} == {OK}
    assert found["captions of web"][1] == "files and folders: 1"


def test_more_that_the_study_names(machine, parse, project):
    asked = {"model": "local-dir:data/vlm", "sets": ["ao"]}
    study = parse(id_sets={"val": {"folder": "data/val"}}, verification=asked)
    found = states(study)
    for what, key in (("images of val", "id_sets.val.folder"), ("verifier", "verification.model")):
        assert found[what][0] == MISSING
        assert found[what][1].endswith(f"or correct {key}")


def test_a_release_to_download(machine, parse, project):
    release = {"source": "release", "file": "ao.zip", "url": "https://example.org/ao.zip"}
    study = parse(sets={"r": release}, models=CHECKPOINT)
    assert states(study)["images of r"][0] == OK
    machine(answers="timed out")
    state, said = states(study)["images of r"]
    assert state == MISSING
    assert "put the file at" in said


def test_settings_that_do_not_fit(machine, parse, project, capsys):
    study = parse(notebooks={"nowhere": {}})
    state, said = states(study)["settings"]
    assert state == MISSING
    assert "nowhere" in said
    file = project / "workflow" / "studies" / "tiny.yaml"
    file.write_text(file.read_text().replace("notebooks: {}", "notebooks: {nowhere: {}}"))
    assert main(["doctor", "--study", "tiny"]) == 1
    assert capsys.readouterr().out.startswith("missing settings: ")


def test_servers_that_answer_and_that_do_not(monkeypatch):
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    class NotFound(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(404)

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), NotFound) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever)
        thread.start()
        assert doctor.unreachable(url) is None  # an answer, if not the wanted one
        server.shutdown()
        thread.join()
    assert "refused" in doctor.unreachable(url)
    monkeypatch.setattr(doctor, "TIMEOUT", -0.5)
    start = time.monotonic()
    assert doctor._in_time(lambda: time.sleep(3)) == "nothing within 0 seconds"
    assert time.monotonic() - start < 2


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        ({"torch", "jupyter-book"}, (OK, "all that a study needs are installed")),
        ({"torch"}, (MISSING, "jupyter-book not installed; run pip install '.[study]'")),
        (set(), (MISSING, "torch, jupyter-book not installed; run pip install '.[study]'")),
    ],
)
def test_packages_of_the_extra(machine, tiny, monkeypatch, installed, expected):
    listed = [
        "numpy>=2.0",
        'torch>=2.9; extra == "study"',
        'jupyter-book<2,>=1; extra == "study"',
        'xgboost-cpu>=2.1; sys_platform != "darwin" and extra == "xgboost"',
    ]
    monkeypatch.setattr(doctor, "requires", lambda name: listed)
    monkeypatch.setattr(doctor, "distributions", lambda name: iter({name} & installed))
    assert states(tiny)["packages"] == expected


def test_from_its_source_there_is_no_list_of_packages(machine, tiny, monkeypatch):
    def requires(name):
        raise doctor.PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "requires", requires)
    assert "packages" not in states(tiny)
