import subprocess
import sys
from pathlib import Path

import pytest

from cood.pipeline import cost_model as estimates
from cood.pipeline.plan import as_text, plan
from cood.settings.study_file import load_study, parse_study

ROOT = Path(__file__).parents[2]


@pytest.fixture
def stages(monkeypatch):
    """The plan of a study of the project, by stage."""

    def make(name):
        monkeypatch.chdir(ROOT)
        return plan(load_study(name)).set_index("stage")

    return make


def test_jobs_of_the_tiny_study(tiny):
    table = plan(tiny).set_index("stage")
    assert table["jobs"].to_dict() == {
        **{"train": 2, "draw": 1, "embed": 2, "score": 2, "probe": 2, "metric": 2, "track": 2},
        **{"baselines": 1, "collect": 1, "book": 1, "total": 16, "left": 16},
    }
    # 4 x 5 compositions, 2 images each, and 3 of each of 9 words alone.
    assert table.loc["draw", "units"] == 67
    assert table.loc["embed", "units"] == 2 * 67
    assert (table["done"] == 0).all()
    assert (table["unknown"] == "").all()
    assert table.loc["total", ["download_gb", "gpu_hours"]].tolist() == [0, 0]
    texts = 20 + 9
    assert table.loc["embed", "disk_gb"] == pytest.approx(2 * (67 + texts) * 64 * 4 / 1e9)


def test_smoke_has_as_many_jobs_as_snakemake_counts(stages):
    table = stages("smoke")
    assert table.loc["total", "jobs"] == 46  # as in the progress of tests/test_reproduce.py
    assert table.loc["draw factors", "units"] == 64
    assert table.loc["scan", "units"] == 2 * 480


def test_what_the_paper_takes(stages):
    table = stages("paper")
    # 130 attributes x 998 objects: 65 shards of 2,000 compositions and one of 1,128 words alone.
    images = 129_740 * 3 + 1128 * 8
    assert table.loc["generate", ["jobs", "units"]].tolist() == [66, images]
    # 139 checkpoints, and 3 architectures without training.
    assert table.loc["embed", ["jobs", "units"]].tolist() == [142, 142 * images]
    assert table.loc[["score", "probe", "metric"], "jobs"].tolist() == [142, 139, 142]
    assert table.loc["generate", "download_gb"] == pytest.approx(7.0)
    seconds = images * 0.207  # as announced
    assert table.loc["generate", "gpu_hours"] == pytest.approx(seconds / 3600)
    assert table.loc["generate", "disk_gb"] == pytest.approx(images * 2.1 * 512**2 / 1e9)
    assert 300 < table.loc["embed", "download_gb"] < 500
    assert table.loc["embed towers", ["jobs", "units"]].tolist() == [6, 6 * 129_740 * 3]
    weights = 4e6 * (22.06 + 86.58 + 304.37 + 85.76 + 85.8 + 23.51)
    assert table.loc["embed towers", "download_gb"] == pytest.approx(weights / 1e9, rel=1e-3)
    assert table.loc["linear", "jobs"] == 139 + 6
    assert table.loc["ask", ["jobs", "units"]].tolist() == [16, 129_740 * 3]
    unknown = table["unknown"][table["unknown"] != ""]
    # The size of the verifier.
    assert unknown.to_dict() == dict.fromkeys(("ask", "total", "left"), "download_gb")


def test_towers_that_are_made_here(parse, project):
    recipe = {"architecture": "resnet", "share": 0.4, "images": 60_000, "epochs": 10}
    towers = {"a": {"objective": "labels", **recipe}, "b": {"untrained": "resnet"}}
    table = plan(parse(image_encoders=towers)).set_index("stage")
    wanted = {"train towers": 2, "embed towers": 2, "linear": 4}
    assert table["jobs"].loc[list(wanted)].to_dict() == wanted
    assert table.loc["embed towers", "units"] == 2 * 40
    drawn = 600_000 * 32**2 / 64**2 / 600  # seconds of training on images of 32 pixels
    assert table.loc["train towers", "cpu_hours"] == pytest.approx((drawn + 2 * 9) / 3600)
    assert table.loc["linear", "gpu_hours"] == 0


def test_what_is_done(done):
    table = plan(done).set_index("stage")
    assert table["done"].to_dict() | {"left": 0} == {
        **{"train": 1, "draw": 1, "embed": 1, "score": 0, "probe": 0, "metric": 0, "track": 0},
        **{"baselines": 0, "collect": 0, "book": 0, "total": 3, "left": 0},
    }
    assert table.loc["left", "jobs"] == 13
    assert table.loc["left", "disk_gb"] < table.loc["total", "disk_gb"]


def test_a_checkpoint_that_could_not_be_had_is_not_done(copied):
    from cood.files import write_tensors

    write_tensors({}, copied.paths.embeddings("few", "ao"), {"missing": "no network"})
    assert plan(copied).set_index("stage").loc["embed", "done"] == 0


def test_what_cannot_be_known_is_said(parse, project):
    study = parse(
        sets={"mine": {"source": "folder", "folder": "mine"}},
        models={
            "known": {"checkpoint": "ViT-B-32/laion2b_s34b_b79k"},
            "hub": {"checkpoint": "hf-hub:org/repo"},
        },
        corpora={"far": {"files": ["https://example.org/captions.parquet"]}},
    )
    table = plan(study).set_index("stage")
    assert table.loc["take", "unknown"] == "cpu_hours"
    assert table.loc["scan", ["units", "unknown"]].tolist() == [0, "units cpu_hours"]
    assert "download_gb" in table.loc["embed", "unknown"]
    assert table.loc["embed", "download_gb"] == pytest.approx(4 * 151277313 / 1e9)
    text = as_text(plan(study), "tiny")
    assert "0.61 GB + ?" in text
    assert "+ ?: and what is not known" in text


def test_captions_are_reckoned_by_the_size_of_their_files(parse, project):
    (project / "captions").mkdir()
    for name in ("a.csv", "b.parquet"):
        (project / "captions" / name).write_bytes(b"x" * 5000)
    table = plan(parse(corpora={"mine": {"files": ["captions"]}})).set_index("stage")
    assert table.loc["scan", "units"] == 100
    assert table.loc["scan", "cpu_hours"] * 3600 == pytest.approx(3 + 100 / 400_000)


def test_forward_passes_count_patches(parse):
    def seconds(checkpoint):
        study = parse(
            sets={"mine": {"source": "folder", "folder": "mine"}},
            models={"m": {"checkpoint": checkpoint}},
        )
        return estimates.seconds_of_forward(study.models["m"].facts, 15e12, 0)

    assert seconds("ViT-B-32/laion2b_s34b_b79k") == pytest.approx(2 * 151277313 * 49)
    assert seconds("ViT-B-16/laion2b_s34b_b88k") == pytest.approx(2 * 149620737 * 196)
    assert seconds("RN50-quickgelu/openai") == pytest.approx(2 * 102007137 * 196)


@pytest.mark.parametrize(
    ("changes", "size"),
    [
        ({}, 3.5e9 * 4),
        ({"variant": "fp16"}, 3.5e9 * 2),
        ({"model": "local-dir:mine"}, 0),
    ],
)
def test_size_of_a_generator(parse, changes, size):
    study = parse(
        sets={"g": {"source": "diffusion", **changes}},
        models={"m": {"checkpoint": "ViT-B-16/laion2b_s34b_b88k"}},
    )
    assert estimates.size_of_generator(study.generated["g"]) == size


def test_guidance_takes_each_step_twice(parse):
    def seconds(**changes):
        sets = {"g": {"source": "diffusion", **changes}}
        models = {"m": {"checkpoint": "ViT-B-16/laion2b_s34b_b88k"}}
        return estimates.seconds_to_generate(parse(sets=sets, models=models).generated["g"])

    assert seconds() == pytest.approx(0.207)
    assert seconds(steps=20, guidance=4.5) == pytest.approx(0.14 + 40 * 0.067)
    assert seconds(size=1024) == pytest.approx(4 * 0.207)


def test_the_command_needs_no_torch():
    code = (
        "import sys; from cood.cli import main; main(['plan', '--study', 'paper']);"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Study paper. Estimates, right within a factor of")
    assert " 66 " in done.stdout
    assert "139" in done.stdout


def test_verification_and_id_sets_are_counted(settings):
    settings["sets"]["photos"] = {"source": "folder", "folder": "photos"}
    settings["id_sets"] = {"val": {"folder": "val"}}
    settings["verification"] = {"model": "local-dir:vlm", "sets": ["ao"], "shards": 3}
    table = plan(parse_study({"name": "t", **settings}, "here")).set_index("stage")
    assert table.loc["ask", ["jobs", "units", "unit"]].tolist() == [3, 40, "images"]
    assert table.loc["verify", "jobs"] == 1
    assert table.loc["take", "jobs"] == 2
    assert table.loc["embed", "jobs"] == 6  # two models, three sets
    assert "units" in table.loc["embed", "unknown"]


def test_untrained_models_and_other_templates_cost_work_and_room(parse, project):
    before = plan(parse()).set_index("stage")
    small = parse(null_models={"null": {"architecture": "vit"}})
    after = plan(small).set_index("stage")
    more = after["jobs"] - before["jobs"]
    assert more[more > 0].to_dict() == {
        **{"embed": 1, "score": 1, "metric": 1, "total": 3, "left": 3},
    }
    assert after.loc["total", "gpu_hours"] == 0
    large = plan(parse(null_models={"null": {"architecture": "ViT-B-32"}})).set_index("stage")
    assert large.loc["embed", "gpu_hours"] > 0
    assert large.loc["total", "download_gb"] == 0
    read = {"templates": ["a {}"], "ablations": {"bare": ["{}"], "same": ["a {}"]}}
    ablated = plan(parse(evaluation=read)).set_index("stage")
    # Two models, two more texts of 64 numbers for each of 20 compositions.
    room = 2 * 2 * 20 * 64 * 4 / 1e9
    assert ablated.loc["embed", "disk_gb"] - before.loc["embed", "disk_gb"] == pytest.approx(room)
