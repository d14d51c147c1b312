import subprocess
import sys
from pathlib import Path

import pytest

from cood.pipeline import cost_model
from cood.pipeline.costs import COSTS
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
        "draw": 1,
        "train": 2,
        "pixels": 1,
        "embed": 2,
        "accuracy": 2,
        "baselines": 1,
        "dimension_swap": 2,
        "representation_metrics": 2,
        "training_dynamics": 2,
        "collect": 1,
        "book": 1,
        "total": 17,
        "left": 17,
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
    assert table.loc["total", "jobs"] == 42  # as in the progress of tests/test_reproduce.py
    assert table.loc["draw_factor_set", "units"] == 64
    assert table.loc["caption_search", "units"] == 2 * 480


def test_what_the_paper_takes(stages):
    table, study = stages("paper"), load_study("paper")
    # 130 attributes x 998 objects: 65 shards of 2,000 compositions and one of 1,128 words alone.
    images = 129_740 * 3 + 1128 * 8
    assert table.loc["generate", ["jobs", "units"]].tolist() == [66, images]
    # 139 checkpoints, 3 architectures without training, and 6 image encoders, which read no
    # images of isolated words.
    embedded = 142 * images + 6 * 129_740 * 3
    assert table.loc["embed", ["jobs", "units"]].tolist() == [148, embedded]
    assert table.loc[["accuracy", "dimension_swap", "representation_metrics"], "jobs"].tolist() == [
        142,
        139,
        142,
    ]
    assert table.loc["generate", "download_gb"] == pytest.approx(7.0)
    seconds = images * 0.207  # as announced
    assert table.loc["generate", "gpu_hours"] == pytest.approx(seconds / 3600)
    assert table.loc["generate", "disk_gb"] == pytest.approx(images * 2.1 * 512**2 / 1e9)
    assert 300 < table.loc["embed", "download_gb"] < 500
    weights = 4e6 * (22.06 + 86.58 + 304.37 + 85.76 + 85.8 + 23.51)
    encoders = [COSTS["embed"](study, name).download for name in study.image_encoders]
    assert sum(encoders) == pytest.approx(weights, rel=1e-3)
    assert table.loc["linear_probe", "jobs"] == 139 + 6
    assert table.loc["ask_verifier", ["jobs", "units"]].tolist() == [16, 129_740 * 3]
    unknown = table["unknown"][table["unknown"] != ""]
    # The size of the verifier.
    assert unknown.to_dict() == dict.fromkeys(("ask_verifier", "total", "left"), "download_gb")


def test_image_encoders_that_are_made_here(parse, project):
    recipe = {"image_tower": "resnet", "share": 0.6, "images": 60_000, "steps": 4_688, "batch": 128}
    encoders = {"a": {"objective": "labels", **recipe}, "b": {"untrained": "resnet"}}
    table = plan(parse(image_encoders=encoders)).set_index("stage")
    # The run saves four encoders.
    jobs = {"train_image_encoder": 2, "embed": 2 + 5, "linear_probe": 2 + 5}
    assert table["jobs"].loc[list(jobs)].to_dict() == jobs
    assert table.loc["embed", "units"] == 2 * 67 + 5 * 40
    drawn = 128 * 4_688 * 32**2 / 64**2 / 600  # seconds of training on images of 32 pixels
    assert table.loc["train_image_encoder", "cpu_hours"] == pytest.approx((drawn + 2 * 9) / 3600)
    assert table.loc["linear_probe", "gpu_hours"] == 0


def test_what_is_done(done):
    table = plan(done).set_index("stage")
    assert table["done"].to_dict() | {"left": 0} == {
        "draw": 1,
        "train": 1,
        "pixels": 0,
        "embed": 1,
        "accuracy": 0,
        "baselines": 0,
        "dimension_swap": 0,
        "representation_metrics": 0,
        "training_dynamics": 0,
        "collect": 0,
        "book": 0,
        "total": 3,
        "left": 0,
    }
    assert table.loc["left", "jobs"] == 14
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
    assert table.loc["import_images", "unknown"] == "cpu_hours"
    assert table.loc["caption_search", ["units", "unknown"]].tolist() == [0, "units cpu_hours"]
    assert "download_gb" in table.loc["embed", "unknown"]
    assert table.loc["embed", "download_gb"] == pytest.approx(4 * 151277313 / 1e9)
    text = as_text(plan(study), "tiny")
    assert "0.61 GB + ?" in text
    assert "+ ?: plus an amount that is not known" in text


def test_captions_are_reckoned_by_the_size_of_their_files(parse, project):
    (project / "captions").mkdir()
    for name in ("a.csv", "b.parquet"):
        (project / "captions" / name).write_bytes(b"x" * 5000)
    table = plan(parse(corpora={"mine": {"files": ["captions"]}})).set_index("stage")
    assert table.loc["caption_search", "units"] == 100
    assert table.loc["caption_search", "cpu_hours"] * 3600 == pytest.approx(3 + 100 / 400_000)


def test_forward_passes_count_patches(parse):
    def seconds(checkpoint):
        study = parse(
            sets={"mine": {"source": "folder", "folder": "mine"}},
            models={"m": {"checkpoint": checkpoint}},
        )
        return cost_model.seconds_of_forward(study.models["m"].facts, 15e12, 0)

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
    assert cost_model.size_of_generator(study.generated["g"]) == size


def test_guidance_takes_each_step_twice(parse):
    def seconds(**changes):
        sets = {"g": {"source": "diffusion", **changes}}
        models = {"m": {"checkpoint": "ViT-B-16/laion2b_s34b_b88k"}}
        return cost_model.seconds_to_generate(parse(sets=sets, models=models).generated["g"])

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
    assert done.stdout.startswith("Study paper. Rough estimates, within a factor of")
    assert " 66 " in done.stdout
    assert "139" in done.stdout


def test_verification_and_id_sets_are_counted(settings):
    settings["sets"]["photos"] = {"source": "folder", "folder": "photos"}
    settings["id_sets"] = {"val": {"folder": "val"}}
    settings["verification"] = {"model": "local-dir:vlm", "sets": ["ao"], "shards": 3}
    table = plan(parse_study({"name": "t", **settings}, "here")).set_index("stage")
    assert table.loc["ask_verifier", ["jobs", "units", "unit"]].tolist() == [3, 40, "images"]
    assert table.loc["verify", "jobs"] == 1
    assert table.loc["import_images", "jobs"] == 2
    assert table.loc["embed", "jobs"] == 2  # a job a model
    assert "units" in table.loc["embed", "unknown"]


def test_untrained_models_and_other_templates_cost_work_and_room(parse, project):
    before = plan(parse()).set_index("stage")
    small = parse(null_models={"null": {"image_tower": "vit"}})
    after = plan(small).set_index("stage")
    more = after["jobs"] - before["jobs"]
    assert more[more > 0].to_dict() == {
        "embed": 1,
        "accuracy": 1,
        "representation_metrics": 1,
        "total": 3,
        "left": 3,
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
