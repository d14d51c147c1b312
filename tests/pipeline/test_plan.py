import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cood.files import read_table, write_table
from cood.pipeline import cost_model
from cood.pipeline.costs import COSTS
from cood.pipeline.measured import with_measured
from cood.pipeline.plan import as_text, plan
from cood.settings.study_file import load_study, parse_study
from cood.stages import benchmark

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
    # 139 checkpoints and 3 architectures without training embed the 60,000 that verification keeps
    # and isolated words, 6 image encoders the former; checkpoints 4,000 scenes of factors too.
    embedded = 142 * (60_000 + 1128 * 8) + 6 * 60_000 + 139 * 4000
    assert table.loc["embed", ["jobs", "units"]].tolist() == [148, embedded]
    assert table.loc[["accuracy", "dimension_swap", "representation_metrics"], "jobs"].tolist() == [
        142,
        139,
        142,
    ]
    assert table.loc["generate", "download_gb"] == pytest.approx(7.0)
    seconds = images / 45  # as measured
    assert table.loc["generate", "gpu_hours"] == pytest.approx(seconds / 3600)
    assert table.loc["total", "gpu_hours"] <= 24
    assert table.loc["total", "cpu_hours"] <= 120
    assert table.loc["total", "disk_gb"] <= 300
    assert table.loc["generate", "disk_gb"] == pytest.approx(images * 1.24 * 512**2 / 1e9)
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


def test_images_of_a_folder_are_counted_before_they_are_imported(parse, project):
    for folder in ("mine/red apple", "mine/blue hat", "val/n02123045", "val/n02124075"):
        (project / folder).mkdir(parents=True)
        for k in range(3):
            (project / folder / f"{k}.png").touch()
        (project / folder / "notes.txt").touch()  # is no image
    study = parse(
        sets={"mine": {"source": "folder", "folder": "mine"}},
        id_sets={"val": {"folder": "val"}},
        models={"known": {"checkpoint": "ViT-B-32/laion2b_s34b_b79k"}},
    )
    table = plan(study).set_index("stage")
    assert not table["unknown"].any()
    assert table.loc["embed", "units"] == 2 * 3 + 2 * 3
    assert "?" not in as_text(plan(study), "tiny")
    decoded = 12 * cost_model.READ_PIXEL * 512**2 + 2 * cost_model.JOB
    assert table.loc["import_images", "cpu_hours"] * 3600 == pytest.approx(decoded)


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
        return cost_model.seconds_of_forward(study.models["m"].facts, 310e12, 0)

    assert seconds("ViT-B-32/laion2b_s34b_b79k") == pytest.approx(2 * 151277313 * 49, rel=1e-3)
    assert seconds("ViT-B-16/laion2b_s34b_b88k") == pytest.approx(2 * 149620737 * 196)
    assert seconds("RN50-quickgelu/openai") == pytest.approx(2 * 102007137 * 196)
    # Larger models come nearer to what a GPU can do, as the largest that was measured at most.
    large = seconds("ViT-bigG-14/laion2b_s39b_b160k")
    assert large == pytest.approx(2 * 2539567105 * 256 * 310 / 500)


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

    one, step = 1 / 45, 1 / 231
    assert seconds() == pytest.approx(one)
    assert seconds(steps=20, guidance=4.5) == pytest.approx(one + 39 * step)
    assert seconds(size=1024) == pytest.approx(4 * one)


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


def test_what_the_release_takes(stages):
    table = stages("release")
    # As many images as the paper names: the archive is not counted before it is there.
    embedded = 148 * 60_000 + 139 * 4000
    assert table.loc["embed", ["jobs", "units"]].tolist() == [148, embedded]
    assert table.loc["total", "gpu_hours"] <= 4
    assert table.loc["import_images", "unknown"] == "download_gb disk_gb cpu_hours"


def test_studies_of_checkpoints_have_every_page_that_applies():
    paper, release = load_study("paper"), load_study("release")
    assert set(paper.notebooks) == set(release.notebooks)
    pages = {file.stem for file in (ROOT / "notebooks").glob("*.ipynb")}
    # These are about captions, or about models that are trained here.
    others = {"novelty", "design", "diversity", "training_dynamics", "treatments"}
    assert set(release.notebooks) == pages - others
    assert paper.models.keys() == release.models.keys()
    assert paper.image_encoders.keys() == release.image_encoders.keys()


def test_decoded_images_take_room_one_preprocessing_at_a_time(parse):
    models = {
        "b": {"checkpoint": "ViT-B-32/laion2b_s34b_b79k"},
        "l": {"checkpoint": "ViT-L-14-336-quickgelu/openai"},
    }
    table = plan(parse(models=models)).set_index("stage")
    assert table.loc["pixels", "jobs"] == 2
    assert table.loc["pixels", "disk_gb"] == pytest.approx(67 * 3 * 336**2 / 1e9)
    lasting = table.loc["embed", "disk_gb"] + table.loc["draw", "disk_gb"]
    assert table.loc["total", "disk_gb"] == pytest.approx(lasting + 67 * 3 * 336**2 / 1e9)


def test_images_that_a_run_kept_are_counted(copied):
    before = plan(copied).set_index("stage").loc["embed", "units"]
    manifest = read_table(copied.paths.manifest("ao"))
    manifest.loc[:9, "status"] = "damaged"
    write_table(manifest, copied.paths.manifest("ao"))
    assert plan(copied).set_index("stage").loc["embed", "units"] == before - 2 * 10


def write_times(study, stage, key, seconds, cpu):
    file = benchmark(study, stage, key)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"s\tmax_rss\tcpu_time\n1.0\t5\t1.0\n{seconds}\t-\t{cpu}\n")


def test_times_of_jobs_that_are_done_replace_estimates(copied):
    before = plan(copied).set_index("stage")
    assert (before["measured"] == 0).all()
    assert "from the times" not in as_text(plan(copied), "tiny")
    # One of two models is trained; the other will take as much longer than estimated.
    write_times(copied, "train", "few", 400.0, 360.0)
    write_times(copied, "train", "most", 9.0, 9.0)  # of a run before its files were lost
    table = plan(copied).set_index("stage")
    assert table.loc["train", "measured"] == table.loc["total", "measured"] == 1
    assert table.loc["train", "cpu_hours"] == pytest.approx(2 * 360 / 3600)
    assert table.loc["left", "cpu_hours"] - before.loc["left", "cpu_hours"] == pytest.approx(
        (360 / 3600) - before.loc["train", "cpu_hours"] / 2
    )
    assert table.loc["embed", "cpu_hours"] == before.loc["embed", "cpu_hours"]
    assert "from the times of jobs that are done: train" in as_text(plan(copied), "tiny")


def test_a_job_of_a_gpu_has_it_while_it_runs():
    jobs = pd.DataFrame(
        {
            "stage": ["embed", "embed", "embed", "collect", "verify"],
            "gpu_hours": [1.0, 2.0, np.nan, 0.0, 0.0],
            "cpu_hours": [0.1, 0.2, 0.4, 1.0, 5.0],
            "measured_hours": [3.0, np.nan, np.nan, 2.0, np.nan],
            "measured_cpu_hours": [0.2, np.nan, np.nan, np.nan, np.nan],
        }
    )
    table = with_measured(jobs)
    assert table["gpu_hours"][:2].tolist() == [3.0, 6.0]
    assert np.isnan(table["gpu_hours"][2])
    assert table["gpu_hours"][3:].tolist() == [0.0, 0.0]
    assert table["cpu_hours"].tolist() == pytest.approx([0.2, 0.4, 0.8, 1.0, 5.0])
