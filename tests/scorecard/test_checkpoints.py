import shutil

import pytest

from cood.errors import CoodError
from cood.scorecard.checkpoints import checkpoint_of, fingerprint


def test_a_folder_is_named_with_or_without_its_prefix(checkpoint, monkeypatch):
    monkeypatch.chdir(checkpoint.parent)
    for named in ("mine", "./mine", "local-dir:mine", str(checkpoint)):
        settings = checkpoint_of(named)
        assert settings.checkpoint.startswith("local-dir:")
        assert settings.architecture is None


def test_a_file_needs_an_architecture(checkpoint):
    file = checkpoint / "open_clip_model.safetensors"
    with pytest.raises(CoodError, match="holds weights alone; name the architecture with --arch"):
        checkpoint_of(str(file))
    settings = checkpoint_of(str(file), "RN50-quickgelu/openai")
    assert (settings.checkpoint, settings.architecture) == (f"file:{file}", "RN50-quickgelu/openai")


def test_a_tag_and_a_repository():
    assert checkpoint_of("ViT-B-32/laion2b_s34b_b79k", "RN50").architecture is None
    assert checkpoint_of("hf-hub:org/repo@v1").checkpoint == "hf-hub:org/repo@v1"


@pytest.mark.parametrize(
    ("named", "architecture", "message"),
    [
        ("ViT-B-32/laion2b_s34b_b79", None, "did you mean ViT-B-32/laion2b_s34b_b79k"),
        ("ViT-B-32/openai", None, "use ViT-B-32-quickgelu/openai"),
        ("ViT-B-32", None, "did you mean ViT-B-32"),
        ("./nowhere", None, "there is no such folder or file"),
        ("a/b/c", None, "there is no such folder or file"),
        ("local-dir:nowhere", None, "there is no nowhere; correct its path"),
        ("hf-hub:a/b/c", None, "names no repository"),
        (__file__, "models/mine", "unknown architecture 'models'"),
        (__file__, "/models/mine", "'/models/mine' is a path; give the name of an architecture"),
        (__file__, "ViT-B-32/opena", "unknown tag 'opena'; did you mean openai"),
    ],
)
def test_what_does_not_exist_is_named_in_one_sentence(named, architecture, message):
    with pytest.raises(CoodError, match=message) as caught:
        checkpoint_of(named, architecture)
    assert "\n" not in str(caught.value)
    assert "models." not in str(caught.value).replace("/models/", "")


def test_a_fingerprint_is_of_the_content(checkpoint, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(checkpoint, copy)
    own = fingerprint(checkpoint_of(str(checkpoint)))
    assert fingerprint(checkpoint_of(str(copy))) == own
    (copy / "training.parquet").write_bytes(b"no part of the model")
    assert fingerprint(checkpoint_of(str(copy))) == own
    weights = copy / "open_clip_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert fingerprint(checkpoint_of(str(copy))) != own


def test_weights_that_are_yet_to_be_downloaded_have_none():
    assert fingerprint(checkpoint_of("hf-hub:nobody/nothing-of-the-kind")) is None
