import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import yaml
from PIL import Image

from cood.cli import main
from cood.curation.verification import reading
from cood.curation.verification import verifier as asking
from cood.curation.verification import verify as verifying
from cood.curation.verification.verifier import ask, load_verifier
from cood.curation.verification.verify import ask_verifier, judge, verify_set
from cood.errors import CoodError, StudyError
from cood.files import read_table, sha256
from cood.pipeline.damage import discard_damaged
from cood.pipeline.run import config_of
from cood.report.topics.dataset import verification_funnel
from cood.settings.study_file import load_study
from cood.synthesis.drawing.icon_sets import draw_compositions
from cood.synthesis.image_files import load_image
from cood.synthesis.manifests import read_manifest

from .conftest import WORDS, save_verifier


def silent(text):
    pass


@pytest.fixture
def study(copied, verifier_folder):
    """Give the tiny study a section `verification`, changed as given."""

    def make(**given):
        file = copied.paths.studies / "tiny.yaml"
        own = {"model": f"local-dir:{verifier_folder}", "sets": ["ao"], "shards": 3, **given}
        file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "verification": own}))
        return load_study("tiny")

    return make


@pytest.fixture(scope="session")
def verifier(built, verifier_folder):
    """The tiny model, as `load_verifier` gives it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(built)
        settings = {"model": f"local-dir:{verifier_folder}", "sets": ["ao"]}
        return load_verifier(load_study("tiny"), asking.Verification(**settings))


@pytest.fixture
def counted(verifier, monkeypatch):
    """The tiny model wherever one is loaded, and a list of all questions that it is asked."""
    questions, real = [], reading.read

    def count(verifier, images, asked):
        questions.extend(question for each in asked for question in each)
        return real(verifier, images, asked)

    monkeypatch.setattr(asking, "load_verifier", lambda study, settings: verifier)
    monkeypatch.setattr(reading, "read", count)
    return questions


def test_a_batch_answers_as_each_image_does_alone(verifier, done):
    images = [
        load_image(done.paths.manifest("ao").parent, f"{w} apple/0.png") for w in ("red", "blue")
    ]
    asks = ["does this image show a red apple", "yes or no"]  # padded to one length
    yes, mass = ask(verifier, images, asks)
    for k in range(2):
        alone = ask(verifier, [images[k]], [asks[k]])
        np.testing.assert_allclose([yes[k], mass[k]], np.concatenate(alone), rtol=1e-4)
    assert (yes > 0).all()
    assert (mass < 1).all()


def test_the_answer_is_that_of_the_next_token(verifier, done):
    # Against a forward pass of the model without any of `generate`.
    import torch

    image = load_image(done.paths.manifest("ao").parent, "red apple/0.png")
    inputs = verifier.processor(text="<image> yes or no", images=image, return_tensors="pt")
    with torch.no_grad():
        shares = verifier.model(**inputs).logits[0, -1].double().softmax(dim=0)
    words = {word: WORDS.index(word) + 5 for word in ("yes", "Yes", "no", "No")}
    sums = [sum(shares[words[w]].item() for w in pair) for pair in (("yes", "Yes"), ("no", "No"))]
    yes, mass = ask(verifier, [image], ["yes or no"])
    assert yes[0] == pytest.approx(sums[0] / sum(sums), rel=1e-5)
    assert mass[0] == pytest.approx(sum(sums), rel=1e-5)


def test_what_a_verified_set_is(study, counted):
    small = study(clip="few", object_threshold=0.0, attribute_threshold=0.0)
    every = verify_set(small, "ao", silent)
    assert len(every) == 40
    assert len(counted) == 80
    assert counted[0] == "Does this image show an apple? Answer yes or no."
    assert every["object_yes"].between(0, 1).all()
    assert every["clip"].between(-1, 1).all()
    assert (every["status"] == "kept").all()
    border = float(every["object_yes"].median())
    other = float(every.loc[every["object_yes"] >= border, "attribute_yes"].median())
    verify_set(study(clip="few", object_threshold=border, attribute_threshold=other), "ao", silent)
    assert len(counted) == 80  # other thresholds ask nothing again
    kept = read_manifest(small, "ao")
    expected = every[(every["object_yes"] >= border) & (every["attribute_yes"] >= other)]
    assert 0 < len(kept) < 40
    assert kept["image"].tolist() == expected["image"].tolist()
    folder = small.paths.manifest("ao").parent
    assert kept["sha256"].tolist() == [sha256(folder / image) for image in kept["image"]]
    steps = verification_funnel(small, "ao")
    assert steps["images"].tolist() == [
        40,
        40,
        40,
        int((every["object_yes"] >= border).sum()),
        len(kept),
    ]
    assert steps["step"].iloc[-1] == "attribute recognised: kept"


def test_the_clip_score_is_the_cosine_that_the_embeddings_have(study, counted):
    from cood.files import read_tensors

    small = study(clip="few")
    table = verify_set(small, "ao", silent)
    tensors, _ = read_tensors(small.paths.embeddings("few", "ao"))
    texts = tensors["compositions"][table["composition"]]
    norms = np.linalg.norm(tensors["images"], axis=1) * np.linalg.norm(texts, axis=1)
    np.testing.assert_allclose(
        table["clip"], (tensors["images"] * texts).sum(axis=1) / norms, atol=1e-5
    )


def test_a_clip_that_cannot_be_loaded_leaves_the_scores_empty(study, copied, counted):
    file = copied.paths.studies / "tiny.yaml"
    settings = yaml.safe_load(file.read_text())
    settings["models"]["gone"] = {"checkpoint": "local-dir:nowhere"}
    file.write_text(yaml.safe_dump(settings))
    lines = []
    table = verify_set(study(clip="gone"), "ao", lines.append)
    assert table["clip"].isna().all()
    assert any("no CLIP scores, as gone cannot be loaded" in line for line in lines)


def test_another_division_into_shards_or_a_lost_table_asks_nothing_again(study, counted):
    small = study()
    first = verify_set(small, "ao", silent)
    small.paths.answers("ao", 1).unlink()
    again = verify_set(study(shards=5), "ao", silent)
    assert len(counted) == 80
    assert again.equals(first)
    verify_set(study(object_question="A {object}?"), "ao", silent)
    assert len(counted) == 160
    asked = {question for question in counted[80:] if not question.startswith("Is ")}
    assert asked == {"An apple?", "A hat?", "A dog?", "A bus?", "An umbrella?"}


def test_an_image_that_is_gone_costs_its_row_and_is_asked_about_later(study, counted, capsys):
    small = study(object_threshold=0.0, attribute_threshold=0.0)
    image = small.paths.manifest("ao").parent / "red apple" / "0.png"
    whole = image.read_bytes()
    image.write_bytes(whole[:100])
    table = verify_set(small, "ao", silent)
    (bad,) = table.loc[table["status"] != "kept", "status"]
    assert bad.startswith("could not be asked: image ")
    assert verification_funnel(small, "ao")["images"].tolist() == [40, 40, 39, 39, 39]
    image.write_bytes(whole)
    found = discard_damaged(small, dry_run=False)
    assert [os.path.basename(path) for path in found] == ["answers-0.parquet"]
    assert "red apple/0.png could not be asked about" in capsys.readouterr().err
    assert (verify_set(small, "ao", silent)["status"] == "kept").all()
    assert len(counted) == 80


@pytest.fixture
def on_gpu(counted, monkeypatch):
    """The tiny model asked as one on a GPU is, and the images of each batch that it answers."""
    sizes, real = [], reading.answers_to

    def answers_to(verifier, given):
        sizes.append(len(given.prefix["input_ids"]) if verifier.on_gpu else 1)
        return real(verifier, given)

    monkeypatch.setattr(asking.Verifier, "on_gpu", True)
    monkeypatch.setattr(reading, "answers_to", answers_to)
    return sizes


def test_a_gpu_answers_full_batches_and_the_same_ones_after_a_stop(study, on_gpu, monkeypatch):
    small = study(shards=1, batch_tokens=400)
    whole = verify_set(small, "ao", silent)
    assert sum(on_gpu) == 40
    assert len(on_gpu) < 40 / 3
    part = small.paths.answer_parts("ao") / "0.parquet"
    read_table(part).iloc[5:].to_parquet(part, index=False)  # the first five are lost
    small.paths.answers("ao", 0).unlink()
    before = on_gpu.copy()
    del on_gpu[:]
    assert verify_set(small, "ao", silent).equals(whole)
    assert 0 < len(on_gpu) <= 5
    assert set(on_gpu) <= set(before)
    monkeypatch.setattr(asking.Verifier, "on_gpu", False)
    small.paths.answers("ao", 0).unlink()
    part.unlink()
    alone = verify_set(small, "ao", silent)
    columns = verifying.ANSWERS
    np.testing.assert_allclose(whole[columns], alone[columns], rtol=1e-4)


def test_a_batch_that_fails_is_asked_about_by_halves(study, on_gpu, monkeypatch):
    small = study(shards=1, batch_tokens=400)
    expected = verify_set(small, "ao", silent)
    for file in small.paths.verified("ao").parent.rglob("*.parquet"):
        file.unlink()
    most, real = 2, reading.answers_to

    def no_memory(verifier, given):
        if len(given.prefix["input_ids"]) > most:
            raise RuntimeError("out of memory")
        return real(verifier, given)

    monkeypatch.setattr(reading, "answers_to", no_memory)
    found = verify_set(small, "ao", silent)
    columns = verifying.ANSWERS
    np.testing.assert_allclose(found[columns], expected[columns], rtol=1e-4)
    most = 0
    small.paths.answers("ao", 0).unlink()
    (small.paths.answer_parts("ao") / "0.parquet").unlink()
    assert set(verify_set(small, "ao", silent)["status"]) == {"could not be asked: out of memory"}


def test_a_killed_run_resumes_to_the_same_numbers(study, counted):
    small = study()
    expected = verify_set(small, "ao", silent)
    folder = small.paths.verified("ao").parent
    for file in [*folder.rglob("*.parquet")]:
        file.unlink()
    part = small.paths.answer_parts("ao") / "0.parquet"
    process = subprocess.Popen(
        [sys.executable, "-m", "cood", "ask-verifier", "--study=tiny", "--set=ao", "--shard=0"],
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not part.is_file() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    n_asked = len(read_table(part))
    assert 0 < n_asked <= 13
    counted.clear()
    assert verify_set(small, "ao", silent).equals(expected)
    assert len(counted) == 2 * (40 - n_asked)


def test_the_command_line(study, capsys):
    run = ["--study", "tiny", "--set", "ao"]
    study()
    for shard in range(3):
        assert main(["ask-verifier", *run, "--shard", str(shard)]) == 0
    assert main(["verify", *run]) == 0
    assert "13 of 13 images to ask about" in capsys.readouterr().err
    assert read_table(load_study("tiny").paths.verified("ao"))["object_yes"].notna().all()


def test_answers_of_other_images_are_refused(study, counted):
    small = study()
    verify_set(small, "ao", silent)
    draw_compositions(study(), "ao")
    image = small.paths.manifest("ao").parent / "red apple" / "0.png"
    Image.new("RGB", (32, 32)).save(image)
    table = read_table(small.paths.manifest("ao"))
    table.loc[table["image"] == "red apple/0.png", "bytes"] = image.stat().st_size
    table.to_parquet(small.paths.manifest("ao"))
    with pytest.raises(CoodError, match="not about the images of set 'ao' as they are now"):
        judge(small, "ao")
    verify_set(small, "ao", silent)
    assert len(counted) == 82


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sets": ["oa"]}, "verification.sets: unknown set 'oa'"),
        ({"clip": "fwe"}, "verification.clip: unknown model 'fwe'; did you mean few?"),
        ({"object_question": "Yes?"}, r"object_question: 'Yes\?' must hold {object}"),
        ({"attribute_question": "{attribute} {x}"}, "no braces but"),
        ({"shard": 3}, "verification: unknown key 'shard'; did you mean shards"),
    ],
)
def test_wrong_settings_are_refused(study, given, message):
    with pytest.raises(StudyError, match=message):
        study(**given)


def test_models_that_cannot_be_asked_are_refused(study, tmp_path):
    small = study(model="local-dir:nowhere")
    with pytest.raises(CoodError, match="local-dir:nowhere cannot be loaded: there is no such"):
        load_verifier(small, small.verification)
    save_verifier(tmp_path / "mute", template=None)
    small = study(model=f"local-dir:{tmp_path / 'mute'}")
    with pytest.raises(CoodError, match="has no chat template"):
        load_verifier(small, small.verification)
    save_verifier(tmp_path / "dumb", words=["Yes", "maybe"])
    small = study(model=f"local-dir:{tmp_path / 'dumb'}")
    with pytest.raises(CoodError, match="no token of its own for yes or for no"):
        load_verifier(small, small.verification)


def test_what_is_not_there_is_refused(study, copied):
    with pytest.raises(StudyError, match="set 'ao' is not verified"):
        verify_set(copied, "ao")
    with pytest.raises(StudyError, match="unknown shard '7'"):
        ask_verifier(study(), "ao", 7)


def test_the_pipeline_asks_in_shards_and_joins(study):
    small = study()
    target = str(small.paths.verified("ao"))
    run = ["-m", "snakemake", target, "-s", "workflow/Snakefile", "--cores", "1", "--nolock", "-n"]
    done = subprocess.run(
        [sys.executable, *run, "--config", config_of(small)], capture_output=True, text=True
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert said.count("answers-") >= 3
    assert "verified.parquet" in said
