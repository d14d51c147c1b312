import os
import shutil
import signal
import time

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from cood.cli import main
from cood.errors import CoodError
from cood.evaluation.common.score_table import JOINED_SCORES, check
from cood.files import read_table, read_tensors
from cood.models.small_clip import save_clip, untrained_clip
from cood.pipeline.damage import discard_damaged
from cood.settings import Towers
from cood.settings.study_file import load_study, parse_study
from cood.synthesis.generation import diffusion
from cood.synthesis.generation.diffusion import (
    finished,
    generate,
    generate_set,
    generate_shard,
    load_pipeline,
)
from cood.synthesis.image_files import load_image
from cood.synthesis.manifests import read_manifest

WORDS = {"attributes": ["red", "teal", "aqua"], "objects": ["apple", "dog"]}
CHECKPOINTS = {"a": {"checkpoint": "ViT-B-32-quickgelu/openai"}}
SETTINGS = {"seed": 7, "core": 0.2, "models": CHECKPOINTS, "notebooks": {}}


@pytest.fixture
def study(project, settings, pipeline_folder):
    """Write the study `tiny` with the generated set `own`, changed as given, and read it."""

    def make(models=None, words=WORDS, **given):
        own = {"source": "diffusion", "model": f"local-dir:{pipeline_folder}", "size": 16}
        own |= {"images_per_composition": 2, "isolated_images": 1, "shard": 4, **given}
        changed = {**settings, "vocabulary": words, "sets": {"own": own}}
        changed["retrieval"] = changed["dimension_swap"] = {"samples": 20}
        changed["models"] = models or CHECKPOINTS
        (project / "workflow" / "studies" / "tiny.yaml").write_text(yaml.safe_dump(changed))
        return load_study("tiny")

    return make


@pytest.fixture(scope="session")
def pipeline(pipeline_folder):
    """The tiny pipeline, as `load_pipeline` gives it."""
    own = {"source": "diffusion", "model": f"local-dir:{pipeline_folder}"}
    settings = {**SETTINGS, "name": "x", "vocabulary": WORDS, "sets": {"own": own}}
    study = parse_study(settings, "x.yaml")
    return load_pipeline(study, study.generated_set("own"))


@pytest.fixture
def loaded(pipeline, monkeypatch):
    """The tiny pipeline wherever one is loaded."""
    monkeypatch.setattr(diffusion, "load_pipeline", lambda study, settings: pipeline)
    return pipeline


def contents(study):
    folder = study.paths.manifest("own").parent
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.png")}


def test_a_pipeline_is_loaded_as_the_study_says(pipeline):
    assert type(pipeline).__name__ == "StableDiffusionXLPipeline"
    assert pipeline.scheduler.config.timestep_spacing == "trailing"  # saved as "leading"
    assert pipeline.device.type == "cpu"
    assert str(pipeline.dtype) == "torch.float32"


def test_the_same_bytes_whatever_the_batch_and_the_shards(study, loaded):
    table = generate_set(study(), "own")
    assert len(table) == 12
    assert set(table["status"]) == {"kept"}
    expected = contents(study())
    assert len(expected) == 12 + 5
    assert len(set(expected.values())) == 17
    other = study(batch=3, shard=100)
    for file in other.paths.manifest("own").parent.rglob("*.p*"):
        file.unlink()
    generate_set(other, "own")
    assert contents(other) == expected
    picture = load_image(other.paths.manifest("own").parent, "red apple/0.png")
    assert picture.size == (16, 16)


def test_images_in_a_batch_are_those_made_alone(study, pipeline):
    settings = study().generated_set("own")
    prompts, seeds = ["red apple", "teal dog", "aqua dog"], [1, 2, 2**62]
    together = generate(pipeline, prompts, seeds, settings)
    for pixels, prompt, seed in zip(together, prompts, seeds, strict=True):
        (alone,) = generate(pipeline, [prompt], [seed], settings)
        assert np.abs(pixels.astype(int) - alone).max() <= 1
        assert pixels.std() > 5
    (other,) = generate(pipeline, ["teal dog"], [1], settings)
    assert (other != together[0]).any()  # the prompt matters, not the seed alone


def test_finished_images_are_not_made_again(study, loaded, monkeypatch):
    small = study()
    generate_set(small, "own")
    before, asked = contents(small), []
    folder = small.paths.manifest("own").parent
    real = diffusion.generate
    monkeypatch.setattr(diffusion, "generate", lambda *g: asked.append(g[1]) or real(*g))
    generate_set(small, "own")
    assert asked == []
    (folder / "red dog" / "1.png").write_bytes(before["red dog/1.png"][:-20])
    (folder / "isolated" / "objects" / "dog" / "0.png").unlink()
    generate_set(small, "own")
    assert asked == [["red dog"], ["dog"]]
    assert contents(small) == before
    # Three images a composition: what is there stays.
    asked.clear()
    generate_set(study(images_per_composition=3), "own")
    assert len(asked) == 6
    assert before.items() <= contents(small).items()
    # Another recipe makes all anew.
    asked.clear()
    generate_set(study(steps=2), "own")
    assert len(asked) == 17
    assert all(contents(small)[name] != content for name, content in before.items())


class Elsewhere:
    """The tiny pipeline, as one on a GPU looks to its caller: images go through it in batches."""

    device = torch.device("cuda")

    def __init__(self, pipeline):
        self.pipeline, self.asked = pipeline, []

    def __call__(self, **given):
        self.asked.append(given["prompt"])
        return self.pipeline(**given)


def test_an_interrupted_batch_is_repeated_as_a_whole(study, pipeline, monkeypatch):
    there = Elsewhere(pipeline)
    monkeypatch.setattr(diffusion, "load_pipeline", lambda study, settings: there)
    small = study(batch=3)
    generate_set(small, "own")
    assert [len(prompts) for prompts in there.asked] == [3, 3, 2, 3, 1, 3, 1, 1]
    before, folder = contents(small), small.paths.manifest("own").parent
    for image in ("red apple/1.png", "red dog/1.png", "teal apple/0.png"):
        (folder / image).unlink()
    there.asked.clear()
    generate_set(small, "own")
    assert there.asked == [
        ["red apple", "red apple", "red dog"],
        ["red dog", "teal apple", "teal apple"],
    ]
    assert contents(small) == before


def test_a_killed_run_resumes_to_the_same_bytes(study, loaded):
    small = study(shard=3)
    generate_set(small, "own")
    expected = contents(small)
    folder = small.paths.manifest("own").parent
    for file in [*folder.rglob("*.png"), *folder.glob("*.parquet")]:
        file.unlink()
    # A fork has the pipeline already, which a process of its own would take long to import.
    child = os.fork()
    if not child:
        try:
            generate_set(small, "own", lambda text: None)
        finally:
            os._exit(0)
    while len(list(folder.rglob("*.png"))) < 4 and not os.waitpid(child, os.WNOHANG)[0]:
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    left = contents(small)
    assert 4 <= len(left) < len(expected)
    assert left.items() <= expected.items()
    assert not small.paths.manifest("own").exists()
    generate_set(small, "own")
    assert contents(small) == expected


def test_a_failed_image_is_recorded_and_tried_again(study, loaded, monkeypatch):
    small = study(shard=100)
    real = type(loaded).__call__

    def broken(self, prompt, **given):
        if "teal dog" in prompt:
            raise RuntimeError("CUDA out of memory.\nTried to allocate")
        found = real(self, prompt=prompt, **given)
        if prompt == ["dog"]:
            found.images[0, 0, 0, 0] = float("nan")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(type(loaded), "__call__", broken)
        table = generate_set(small, "own")
    failed = table[table["status"] != "kept"]
    assert set(failed["image"]) == {"teal dog/0.png", "teal dog/1.png"}
    assert set(failed["status"]) == {"failed: CUDA out of memory. Tried to allocate"}
    assert set(failed["bytes"]) == {0}
    assert len(read_manifest(small, "own")) == 10
    isolated = read_table(small.paths.isolated("own"))
    assert (
        "pixels that are not finite" in isolated.loc[isolated["object"] == "dog", "status"].item()
    )
    gone = discard_damaged(small, dry_run=False)
    assert [path.rsplit("/", 1)[1] for path in gone] == [
        "isolated.parquet",
        "manifest.parquet",
        "shard-0.parquet",
        "shard-isolated-0.parquet",
    ]
    assert set(generate_set(small, "own")["status"]) == {"kept"}
    assert discard_damaged(small, dry_run=False) == []


def test_a_pipeline_that_makes_nothing_stops_the_work(study, loaded, monkeypatch):
    def broken(self, **given):
        raise TypeError("unexpected keyword 'height'")

    monkeypatch.setattr(type(loaded), "__call__", broken)
    with pytest.raises(
        CoodError, match=r"8 images in a row could not be made; the last one failed: u"
    ):
        generate_shard(study(), "own", "0")
    monkeypatch.setattr(diffusion, "PATIENCE", 3)
    with pytest.raises(
        CoodError, match=r"generator local-dir:.*: 3 images in a row could not be made"
    ):
        generate_shard(study(), "own", "0")


def test_one_bad_image_spoils_no_batch(study, pipeline, monkeypatch):
    settings, real = study().generated_set("own"), type(pipeline).__call__

    def broken(self, prompt, **given):
        if "red dog" in prompt:
            raise RuntimeError
        return real(self, prompt=prompt, **given)

    monkeypatch.setattr(type(pipeline), "__call__", broken)
    found = generate(pipeline, ["red apple", "red dog"], [1, 2], settings)
    assert found[0].shape == (16, 16, 3)
    assert found[1] == "failed: RuntimeError"


def test_what_a_safety_checker_flags_is_recorded_and_not_tried_again(study, loaded, monkeypatch):
    small, real = study(), type(loaded).__call__

    def flagging(self, prompt, **given):
        found = real(self, prompt=prompt, **given)
        found.nsfw_content_detected = [text == "red dog" for text in prompt]
        return found

    monkeypatch.setattr(type(loaded), "__call__", flagging)
    table = generate_set(small, "own")
    assert set(table.loc[table["status"] != "kept", "prompt"]) == {"red dog"}
    assert set(table["status"]) == {"kept", "unsafe: by the safety checker of the pipeline"}
    assert discard_damaged(small, dry_run=False) == []


@pytest.mark.parametrize("reason", [None, "drawings of fruit are flagged at random"])
def test_a_safety_checker_is_switched_off_with_a_reason_only(study, pipeline, monkeypatch, reason):
    monkeypatch.setattr(pipeline, "safety_checker", "a checker", raising=False)
    monkeypatch.setattr(
        "diffusers.AutoPipelineForText2Image.from_pretrained", lambda *given, **options: pipeline
    )
    small = study(no_safety_checker=reason)
    found = load_pipeline(small, small.generated_set("own"))
    assert found.safety_checker == (None if reason else "a checker")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("local-dir:nowhere", "generator local-dir:nowhere cannot be loaded: there is no such"),
        ("local-dir:empty", "generator local-dir:empty cannot be loaded: .*model_index.json"),
        ("local-dir:pickled", "generator local-dir:pickled cannot be loaded: .*safetensors"),
    ],
)
def test_a_generator_that_cannot_be_loaded_is_refused(
    project, study, pipeline_folder, model, message
):
    (project / "empty").mkdir()
    shutil.copytree(pipeline_folder, project / "pickled")
    weights = project / "pickled" / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(CoodError, match=message) as caught:
        generate_set(study(model=model), "own", lambda text: None)
    assert "\n" not in str(caught.value)


def test_the_error_names_the_cause_that_the_hub_gave(study, monkeypatch):
    def unreachable(*given, **options):
        try:
            raise ConnectionError("Connection refused")
        except ConnectionError as error:
            raise OSError("x/y does not appear to have\na file") from error

    monkeypatch.setattr("diffusers.AutoPipelineForText2Image.from_pretrained", unreachable)
    small = study(model="x/y")
    with pytest.raises(CoodError, match="x/y does not appear to have a file: Connection refused"):
        load_pipeline(small, small.generated_set("own"))


def test_only_a_whole_file_of_the_same_mark_is_finished(tmp_path):
    path = tmp_path / "x.png"
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    diffusion._save(pixels, path, "abc 1 red apple")
    assert finished(path, "abc 1 red apple")
    assert not finished(path, "abc 2 red apple")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert not finished(path, "abc 1 red apple")
    path.write_bytes(b"")
    assert not finished(path, "abc 1 red apple")
    assert not finished(tmp_path / "nowhere.png", "")
    Image.fromarray(pixels).save(path)
    assert not finished(path, "abc 1 red apple")


def test_a_study_of_checkpoints_on_generated_images(project, study, loaded):
    models = {}
    for seed in (1, 2):
        save_clip(untrained_clip(Towers(image_tower="resnet"), seed=seed), project / f"clip-{seed}")
        models[f"clip-{seed}"] = {"checkpoint": f"local-dir:{project / f'clip-{seed}'}"}
    words = {
        "attributes": ["red", "teal", "aqua", "brick"],
        "objects": ["cat", "dog", "hat", "bus"],
    }
    small = study(models, words)
    run = ["--study", "tiny"]
    for shard in small.shard_names("own"):
        assert main(["generate", *run, "--set", "own", "--shard", shard]) == 0
    assert main(["join-shards", *run, "--set", "own"]) == 0
    for model in models:
        assert main(["embed", *run, "--model", model]) == 0
        for command in ("accuracy", "dimension-swap", "representation-metrics"):
            assert main([command, *run, "--model", model]) == 0
    assert main(["baselines", *run]) == 0
    assert main(["collect", *run]) == 0
    scores = read_table(small.paths.scores)
    assert set(scores["model"]) == set(models)
    check(scores, JOINED_SCORES)
    pair = scores[(scores["metric"] == "pair_top1") & (scores["category"] == "all")]
    assert set(pair["split"]) == {"unseen"}  # no model was trained here
    assert (pair["n"] == 32).all()
    merged = scores[(scores["metric"] == "pair_merged_top1") & (scores["category"] == "all")]
    assert (merged["value"].to_numpy() >= pair["value"].to_numpy()).all()
    isolated = scores[(scores["basis"] == "concepts") & (scores["space"] == "image")]
    assert isolated["value"].notna().any()
    known = read_table(small.paths.models)
    assert set(known["kind"]) == {"checkpoint"}
    tensors, _ = read_tensors(small.paths.embeddings("clip-1", "own"))
    assert tensors["isolated_attributes"].shape[0] == 4
