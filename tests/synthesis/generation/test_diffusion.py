import os
import signal
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from cood.cli import main
from cood.errors import ArtefactError, CoodError
from cood.evaluation.common.score_table import JOINED_SCORES, check
from cood.files import read_table, read_tensors
from cood.models.small_clip import save_clip, untrained_clip
from cood.pipeline.damage import discard_damaged
from cood.settings import Towers
from cood.synthesis.generation import diffusion
from cood.synthesis.generation.diffusion import (
    Wanted,
    generate,
    generate_set,
    generate_shard,
    make_images,
    send,
)
from cood.synthesis.generation.saving import finished, save_image
from cood.synthesis.generation.shards import planned
from cood.synthesis.image_files import load_image
from cood.synthesis.manifests import read_manifest
from cood.synthesis.overlap import AHEAD


def images_of(*given):
    """What `generate` makes, once it has come."""
    return [coming() for coming in generate(*given)]


def serial(pipeline, study, file):
    """The bytes of every image, made and encoded one by one, without any other thread."""
    found, settings = {}, study.generated_set("own")
    for shard in study.shard_names("own"):
        for row in planned(study, "own", shard).itertuples():
            output = pipeline(
                prompt=[row.prompt],
                num_inference_steps=settings.steps,
                guidance_scale=settings.guidance,
                height=settings.size,
                width=settings.size,
                generator=[torch.Generator("cpu").manual_seed(row.seed)],
                output_type="pt",
            )
            pixels = (output.images[0].permute(1, 2, 0) * 255).round().clamp(0, 255).byte()
            save_image(pixels.numpy(), file, f"{row.recipe} {row.seed} {row.prompt}")
            found[row.image] = file.read_bytes()
    return found


def test_the_same_bytes_whatever_the_batch_and_the_shards(study, loaded, contents, tmp_path):
    table = generate_set(study(), "own")
    assert len(table) == 12
    assert set(table["status"]) == {"kept"}
    expected = contents(study())
    assert expected == serial(loaded, study(), tmp_path / "one.webp")
    assert len(expected) == 12 + 5
    assert len(set(expected.values())) == 17
    other = study(batch=3, shard=100)
    for file in other.paths.manifest("own").parent.rglob("*.*"):
        file.unlink()
    generate_set(other, "own")
    assert contents(other) == expected
    picture = load_image(other.paths.manifest("own").parent, "red apple/0.webp")
    assert picture.size == (16, 16)


def test_images_in_a_batch_are_those_made_alone(study, pipeline):
    settings = study().generated_set("own")
    prompts, seeds = ["red apple", "teal dog", "aqua dog"], [1, 2, 2**62]
    together = images_of(pipeline, prompts, seeds, settings)
    for pixels, prompt, seed in zip(together, prompts, seeds, strict=True):
        (alone,) = images_of(pipeline, [prompt], [seed], settings)
        assert np.abs(pixels.astype(int) - alone).max() <= 1
        assert pixels.std() > 5
    (other,) = images_of(pipeline, ["teal dog"], [1], settings)
    assert (other != together[0]).any()  # the prompt matters, not the seed alone


def test_finished_images_are_not_made_again(study, loaded, monkeypatch, contents):
    small = study()
    generate_set(small, "own")
    before, asked = contents(small), []
    folder = small.paths.manifest("own").parent
    real = diffusion.generate
    monkeypatch.setattr(diffusion, "generate", lambda *g: asked.append(g[1]) or real(*g))
    generate_set(small, "own")
    assert asked == []
    (folder / "red dog" / "1.webp").write_bytes(before["red dog/1.webp"][:-20])
    (folder / "isolated" / "objects" / "dog" / "0.webp").unlink()
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


def test_an_interrupted_batch_is_repeated_as_a_whole(study, pipeline, monkeypatch, contents):
    there = Elsewhere(pipeline)
    monkeypatch.setattr(diffusion, "load_pipeline", lambda *given: there)
    small = study(batch=3)
    generate_set(small, "own")
    assert [len(prompts) for prompts in there.asked] == [3, 3, 2, 3, 1, 3, 1, 1]
    before, folder = contents(small), small.paths.manifest("own").parent
    for image in ("red apple/1.webp", "red dog/1.webp", "teal apple/0.webp"):
        (folder / image).unlink()
    there.asked.clear()
    generate_set(small, "own")
    assert there.asked == [
        ["red apple", "red apple", "red dog"],
        ["red dog", "teal apple", "teal apple"],
    ]
    assert contents(small) == before


def test_a_killed_run_resumes_to_the_same_bytes(study, loaded, contents, tmp_path):
    small, file = study(shard=3), tmp_path / "one.webp"
    expected, folder = serial(loaded, small, file), small.paths.manifest("own").parent
    # A fork has the pipeline already, which a process of its own would take long to import.
    child = os.fork()
    if not child:
        try:
            generate_set(small, "own", lambda text: None, cores=2)
        finally:
            os._exit(0)
    while len(list(folder.rglob("*.webp"))) < 4 and not os.waitpid(child, os.WNOHANG)[0]:
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


class Counting:
    """A pipeline on a GPU that makes grey images and says when it was asked for a second batch."""

    device = torch.device("cuda")

    def __init__(self):
        self.asked, self.second = 0, threading.Event()

    def __call__(self, prompt, **given):
        self.asked += 1
        if self.asked == 2:
            self.second.set()
        return SimpleNamespace(images=torch.full((len(prompt), 3, 16, 16), 0.5))


def wanted_in(folder, n):
    return [Wanted("red apple", k, folder / f"{k}.webp", f"x {k}") for k in range(n)]


def test_the_next_batch_does_not_wait_for_the_files(study, tmp_path, monkeypatch):
    settings, there, real = study(batch=2).generated_set("own"), Counting(), diffusion.save_image

    def save(*given):
        assert there.second.wait(10)  # no file is written before the second batch is asked for
        real(*given)

    monkeypatch.setattr(diffusion, "save_image", save)
    wanted = wanted_in(tmp_path, 9)
    found = list(make_images(there, settings, wanted, [True] * 9, threads=2))
    assert [pair for batch in found for pair in batch] == [(k, "kept") for k in range(9)]
    assert all(finished(image.file, image.mark) for image in wanted)


def test_what_cannot_be_written_ends_the_work(study, tmp_path):
    (tmp_path / "in the way").touch()
    there, settings = Counting(), study(batch=2).generated_set("own")
    wanted = wanted_in(tmp_path / "in the way", 200)
    with pytest.raises(ArtefactError, match=r"cannot write .*in the way.0\.webp: "):
        list(make_images(there, settings, wanted, [True] * 200, threads=1))
    assert there.asked <= AHEAD + 1


def test_an_image_is_taken_when_it_has_come_and_a_fault_of_the_gpu_is_its_reason(monkeypatch):
    images, came = torch.rand(2, 3, 4, 4), threading.Event()

    def later(tensors):
        copies = [torch.zeros_like(tensor) for tensor in tensors]

        def wait():
            assert came.wait(10)
            for copy, tensor in zip(copies, tensors, strict=True):
                copy.copy_(tensor)

        return copies, wait

    monkeypatch.setattr(diffusion, "_to_host", later)
    first, second = send(images, [False, True])
    came.set()
    np.testing.assert_array_equal(
        first(), (images[0] * 255).round().byte().permute(1, 2, 0).numpy()
    )
    assert second() == "unsafe: by the safety checker of the pipeline"

    def broken(tensors):
        def wait():
            raise RuntimeError("CUDA error:\nan illegal access")

        return list(tensors), wait

    monkeypatch.setattr(diffusion, "_to_host", broken)
    (coming,) = send(images[:1], [False])
    assert coming() == "failed: CUDA error: an illegal access"


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
    assert set(failed["image"]) == {"teal dog/0.webp", "teal dog/1.webp"}
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
    found = images_of(pipeline, ["red apple", "red dog"], [1, 2], settings)
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
