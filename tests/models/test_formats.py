"""Checkpoints in each format met in the wild, and those that are not what they should be."""

import collections
import json
import pickle
import shutil
import warnings

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import save_file

from cood.catalogue.sources import local_source
from cood.errors import CoodError
from cood.models.loading import load
from cood.models.small_clip import save_clip, untrained_clip
from cood.settings import Towers

# As OpenAI's, small. The name with -quickgelu is the one that goes with its archives.
OPENAI = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
    "text_cfg": {"width": 64, "heads": 1, "layers": 1},
}


@pytest.fixture(scope="module")
def architectures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("architectures")
    (folder / "tiny.json").write_text(json.dumps(OPENAI))
    (folder / "tiny-quickgelu.json").write_text(json.dumps(OPENAI | {"quick_gelu": True}))
    open_clip.add_model_config(folder)


@pytest.fixture(scope="module")
def made(architectures):
    torch.manual_seed(0)
    return open_clip.create_model("tiny-quickgelu").eval()


def archive(model, file):
    """A TorchScript archive in half precision with OpenAI's numbers among the weights."""
    for name, number in (("input_resolution", 32), ("context_length", 77), ("vocab_size", 49408)):
        vars(model).pop(name, None)
        model.register_buffer(name, torch.tensor(number))
    images, texts = torch.zeros(1, 3, 32, 32), torch.zeros(1, 77, dtype=torch.long)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        inputs = {"encode_image": images, "encode_text": texts}
        traced = torch.jit.trace_module(model, inputs, check_trace=False).half()
        torch.jit.save(traced, file)


def write(form, model, file):
    state = model.state_dict()
    if form == "safetensors":
        save_file(state, file)
    elif form == "state dict":
        torch.save(state, file)
    elif form == "training":  # as open_clip's own training writes them, on several GPUs
        torch.save({"epoch": 3, "state_dict": {f"module.{k}": v for k, v in state.items()}}, file)


def check_same(model, expected, **tolerance):
    found = model.state_dict()
    assert set(found) == set(expected)
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=0, **tolerance)


@pytest.mark.parametrize(
    ("form", "name"),
    [("safetensors", "w.safetensors"), ("state dict", "w.pt"), ("training", "epoch_3.pt")],
)
def test_a_file_of_weights(made, tmp_path, form, name):
    write(form, made, tmp_path / name)
    clip = load(f"file:{tmp_path / name}", architecture="tiny-quickgelu")
    check_same(clip.model, made.state_dict(), atol=0)
    assert clip.config["quick_gelu"]
    assert not clip.model.training


def test_an_archive_of_openai(made, tmp_path):
    file = tmp_path / "RN50.pt"
    expected = made.state_dict()
    model = open_clip.create_model("tiny-quickgelu").eval()
    model.load_state_dict(expected)
    archive(model, file)
    clip = load(f"file:{file}", architecture="tiny-quickgelu")
    check_same(clip.model, expected, atol=1e-3)  # it holds half precision
    assert all(p.dtype == torch.float32 for p in clip.model.parameters())
    with torch.inference_mode():
        images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
        np.testing.assert_allclose(
            clip.model.encode_image(images), made.encode_image(images), atol=0.02
        )
    with pytest.raises(CoodError, match="plain GELU; use architecture tiny-quickgelu"):
        load(f"file:{file}", architecture="tiny")


def test_a_file_that_is_a_copy_of_a_tag_has_its_preprocessing(made, tmp_path, monkeypatch):
    entry = {"hf_hub": "lab/none/", "mean": (0.5, 0.5, 0.5), "interpolation": "bilinear"}
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "tiny-quickgelu", {"tag": entry})
    write("safetensors", made, tmp_path / "w.safetensors")
    plain, tagged = (
        str(load(f"file:{tmp_path / 'w.safetensors'}", architecture=name).preprocess)
        for name in ("tiny-quickgelu", "tiny-quickgelu/tag")
    )
    assert "bicubic" in plain
    assert "bilinear" in tagged
    assert "mean=(0.5, 0.5, 0.5)" in tagged


def refused(source, architecture=None):
    with pytest.raises(CoodError) as caught:
        load(source, architecture=architecture)
    message = str(caught.value)
    assert "\n" not in message
    return message


class Wrong:
    """Something allowed that fails with a TypeError, after which open_clip loads once more."""

    def __reduce__(self):
        return collections.OrderedDict, (1,)


@pytest.mark.parametrize("way", ["file", "folder"])
@pytest.mark.parametrize(
    ("save", "said"),
    [
        (torch.save, "is refused: its weights are a pickle that would run posix.system"),
        (lambda o, f: f.write_bytes(pickle.dumps(o, 2)), "is refused: its weights are a pickle"),
        (lambda o, f: f.write_bytes(pickle.dumps(o, 4)), "cannot be loaded"),
        (lambda o, f: torch.save([Wrong(), *o.values()], f), "cannot be loaded"),
    ],
    ids=["torch", "protocol 2", "protocol 4", "type error"],
)
def test_a_pickle_that_would_run_code_is_refused(
    architectures, saved, tmp_path, harm, save, said, way
):
    if way == "folder":
        shutil.copytree(saved, tmp_path / "model")
        (tmp_path / "model" / "open_clip_model.safetensors").unlink()
        save({"weight": harm}, tmp_path / "model" / "open_clip_pytorch_model.bin")
        assert said in refused(local_source(tmp_path / "model"))
    else:
        save({"weight": harm}, tmp_path / "w.pt")
        assert said in refused(f"file:{tmp_path / 'w.pt'}", "tiny")
    assert not harm.file.exists()


def test_the_harm_is_real(tmp_path, harm):
    torch.save({"weight": harm}, tmp_path / "w.pt")
    torch.load(tmp_path / "w.pt", weights_only=False)
    assert harm.file.exists()


def test_a_file_that_does_not_fit_is_refused(made, architectures, tmp_path):
    write("safetensors", made, tmp_path / "w.safetensors")
    whole = f"file:{tmp_path / 'w.safetensors'}"
    assert "does not exist; correct the path" in refused(f"file:{tmp_path / 'none.pt'}", "tiny")
    assert "did you mean tiny" in refused(whole, "tny")
    assert "unknown tag 'openai'" in refused(whole, "tiny/openai")
    assert "cannot be loaded" in refused(whole, "RN50-quickgelu")
    assert "use RN50-quickgelu/openai" in refused(whole, "RN50/openai")
    content = (tmp_path / "w.safetensors").read_bytes()
    for size in (0, len(content) // 2):
        (tmp_path / "w.safetensors").write_bytes(content[:size])
        assert "cannot be loaded" in refused(whole, "tiny")
        (tmp_path / "w.pt").write_bytes(content[:size])
        assert f"{tmp_path / 'w.pt'}" in refused(f"file:{tmp_path / 'w.pt'}", "tiny")
    (tmp_path / "w.pt").write_text("no weights at all")
    assert "damaged or no file of tensors" in refused(f"file:{tmp_path / 'w.pt'}", "tiny")


def test_a_file_of_weights_of_a_small_clip(tmp_path):
    small = untrained_clip(Towers(image_tower="resnet", embed_dim=16), seed=3)
    save_clip(small, tmp_path)
    file = tmp_path / "open_clip_model.safetensors"
    clip = load(f"file:{file}", architecture="resnet-causal-16-softmax")
    check_same(clip.model, small.model.state_dict(), atol=0)
    folder = load(f"local-dir:{tmp_path}")
    steps = [str(each.preprocess).replace("[", "(").replace("]", ")") for each in (clip, folder)]
    assert steps[0] == steps[1]
    texts = ["a red apple", "a hat"]
    assert torch.equal(clip.tokenize(texts), folder.tokenize(texts))
