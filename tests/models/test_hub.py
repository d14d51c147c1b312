"""Models from the hub, over the road that a user's study takes."""

import json
import os
import pickle
import subprocess
import sys

import numpy as np
import open_clip
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, RobertaConfig

from cood.catalogue import open_clip_listing as listing
from cood.catalogue.sources import local_source
from cood.errors import CoodError
from cood.evaluation.accuracy.accuracy import score_accuracy
from cood.evaluation.embed.embed import embed_model
from cood.files import read_tensors
from cood.models import hub as hub_module
from cood.models.clip import Clip
from cood.models.hub import ATTEMPTS, checkpoint_cached, repository_cached
from cood.models.loading import load
from cood.models.small_clip import save_clip

COMMIT = "c0" * 20
SMALL = "resnet-causal-64-softmax"  # the configuration of the model that is saved
WEIGHTS = "open_clip_model.safetensors"


def quiet(text):
    pass


def weights(clip):
    return {name: tensor.numpy() for name, tensor in clip.model.state_dict().items()}


def check_same(clip, saved):
    expected = load(local_source(saved))
    assert str(clip.preprocess) == str(expected.preprocess)
    for name, tensor in weights(expected).items():
        np.testing.assert_array_equal(weights(clip)[name], tensor)


def refused(source, **options):
    with pytest.raises(CoodError) as caught:
        load(source, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("revision", ["", "@main", f"@{COMMIT}"])
def test_a_model_of_the_hub(hub, saved, revision):
    hub.add("lab/small", saved)
    clip = load(f"hf-hub:lab/small{revision}")
    check_same(clip, saved)
    assert clip.revision == COMMIT
    before = len(hub.requests)
    check_same(load(f"hf-hub:lab/small{revision}"), saved)
    assert len(hub.requests) == before  # kept, so that no network is needed


@pytest.fixture
def tagged(hub, saved, monkeypatch):
    """The small model under a tag of open_clip, with a preprocessing of the tag's own."""
    hub.add("lab/small", saved)
    entry = {"hf_hub": "lab/small/", "mean": (0.1, 0.2, 0.3), "resize_mode": "squash"}
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, SMALL, {"tag": entry})
    return hub


def test_a_tag_of_open_clip(tagged, saved):
    clip = load(f"{SMALL}/tag")
    for name, tensor in weights(load(local_source(saved))).items():
        np.testing.assert_array_equal(weights(clip)[name], tensor)
    assert "mean=(0.1, 0.2, 0.3)" in str(clip.preprocess)
    assert clip.revision == COMMIT


def test_safetensors_are_preferred_and_pickles_of_tensors_do(hub, saved, tmp_path):
    hub.add("lab/small", saved)
    state = load(local_source(saved)).model.state_dict()
    torch.save(state, tmp_path / "weights")
    files = hub.repos["lab/small"]
    files["open_clip_pytorch_model.bin"] = (tmp_path / "weights").read_bytes()
    load("hf-hub:lab/small")
    assert not any(request.endswith(".bin") for request in hub.requests)
    hub.repos["lab/old"] = {name: files[name] for name in files if name != WEIGHTS}
    check_same(load("hf-hub:lab/old"), saved)


def test_the_tokeniser_is_that_of_the_repository(hub, saved, tmp_path):
    vocabulary = {"[PAD]": 0, "[UNK]": 1, "a": 2, "red": 3, "hat": 4}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]")
    fast.save_pretrained(tmp_path / "tokeniser")
    hub.add("lab/worded", saved)
    hub.add("lab/tokeniser", tmp_path / "tokeniser")
    files = hub.repos["lab/worded"] | hub.repos["lab/tokeniser"]
    config = json.loads(files["open_clip_config.json"])
    config["model_cfg"]["text_cfg"]["hf_tokenizer_name"] = "lab/worded"
    hub.repos["lab/worded"] = files | {"open_clip_config.json": json.dumps(config).encode()}
    for revision in ("", f"@{COMMIT}"):
        tokens = load(f"hf-hub:lab/worded{revision}").tokenize(["a red hat", "a hut"])
        assert tokens[:, :4].tolist() == [[2, 3, 4, 0], [2, 1, 0, 0]]


def test_a_text_tower_of_transformers(hub, tmp_path):
    size = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 32}
    base = RobertaConfig(vocab_size=50, num_hidden_layers=1, max_position_embeddings=20, **size)
    base.save_pretrained(tmp_path / "base")
    hub.add("lab/base", tmp_path / "base")
    vision = {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16}
    text = {"hf_model_name": "lab/base", "hf_pooler_type": "mean_pooler", "context_length": 8}
    config = {"embed_dim": 16, "vision_cfg": vision, "text_cfg": text}
    (tmp_path / "worded.json").write_text(json.dumps(config))
    open_clip.add_model_config(tmp_path / "worded.json")
    model = open_clip.create_model("worded", pretrained_text=False)
    save_clip(Clip("worded", model, None, None, config), tmp_path / "model")
    hub.add("lab/worded", tmp_path / "model")
    clip = load("hf-hub:lab/worded")
    assert not clip.causal_text
    texts = torch.tensor([[2, 3, 4, 0, 1, 1, 1, 1]])
    with torch.inference_mode():
        expected = model.eval().encode_text(texts)
        torch.testing.assert_close(clip.model.encode_text(texts), expected, rtol=0, atol=0)


@pytest.mark.parametrize("fault", ["error", "get error", "stall", "broken", "short"])
def test_a_failed_transfer_is_reported_in_a_sentence(tagged, fault):
    tagged.faults[WEIGHTS] = fault
    said = []
    message = refused(f"{SMALL}/tag", say=said.append)
    assert message.startswith(f"{WEIGHTS} of lab/small cannot be downloaded (")
    # Tried again by us only where huggingface_hub gives up at once.
    assert len(said) == (ATTEMPTS - 1 if fault in ("get error", "short") else 0)
    transfers = [request for request in tagged.requests if request.startswith("GET")]
    assert len(transfers) < 10
    assert not any(request.endswith(".bin") for request in tagged.requests)


def test_a_transfer_is_tried_again(tagged, saved):
    tagged.faults[WEIGHTS] = "get error"
    clip = load(f"{SMALL}/tag", say=lambda text: tagged.faults.clear())
    assert clip.revision == COMMIT
    assert len([request for request in tagged.requests if request.startswith("GET")]) == 2


def test_missing_files_and_repositories_are_named(hub, saved):
    hub.add("lab/small", saved)
    assert refused("hf-hub:lab/small@v9") == "repository lab/small has no revision 'v9'"
    assert refused("hf-hub:lab/none").startswith("there is no repository lab/none")
    hub.repos["lab/small"].pop(WEIGHTS)
    assert "lab/small holds no open_clip_model.safetensors or" in refused("hf-hub:lab/small")
    hub.repos["lab/small"].pop("open_clip_config.json")
    hub.repos["lab/other"] = {}
    assert "lab/other holds no open_clip_config.json" in refused("hf-hub:lab/other")


def test_a_pickle_of_the_hub_that_would_run_code_is_refused(hub, saved, harm):
    hub.add("lab/small", saved)
    files = hub.repos["lab/small"]
    files["open_clip_pytorch_model.bin"] = pickle.dumps(harm, protocol=2)
    files.pop(WEIGHTS)
    assert "a pickle that would run posix.system on loading" in refused("hf-hub:lab/small")
    assert not harm.file.exists()


def test_a_model_that_cannot_be_loaded_costs_one_row(copied, parse, hub, saved):
    hub.add("lab/good", saved)
    hub.add("lab/down", saved)
    study = parse(
        models={
            "down": {"checkpoint": "hf-hub:lab/down@v9"},
            "good": {"checkpoint": "hf-hub:lab/good", "family": "lab"},
        }
    )
    for name in study.models:
        embed_model(study, name, quiet)
    row = score_accuracy(study, "down")
    assert row["note"].tolist() == ["repository lab/down has no revision 'v9'"]
    assert len(score_accuracy(study, "good")) > 1
    _, metadata = read_tensors(study.paths.embeddings("good", "ao"))
    assert metadata["checkpoint"] == "hf-hub:lab/good"
    assert metadata["revision"] == COMMIT


def test_the_hub_is_that_of_the_environment(hub, saved, tmp_path):
    hub.add("lab/small", saved)
    done = subprocess.run(
        [sys.executable, "-c", "from cood.models.hub import fetch_weights as f; f('lab/small')"],
        env=os.environ | {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home")},
        check=False,
    )
    assert done.returncode == 0
    kept = list((tmp_path / "home").rglob(f"snapshots/{COMMIT}/{WEIGHTS}"))
    assert [file.read_bytes() for file in kept] == [(saved / WEIGHTS).read_bytes()]


def test_cached_files_need_no_hub(tagged, saved, tmp_path, monkeypatch):
    monkeypatch.setattr(hub_module, "configuration", lambda name: {"text_cfg": {}})
    monkeypatch.setattr(listing, "places", lambda: {f"{SMALL}/tag": "lab/small/"})
    for name in (f"{SMALL}/tag", "hf-hub:lab/small"):
        assert not checkpoint_cached(name)
    load(f"{SMALL}/tag")
    assert checkpoint_cached(f"{SMALL}/tag")
    assert not checkpoint_cached("hf-hub:lab/small")  # no configuration yet
    load("hf-hub:lab/small")
    assert checkpoint_cached("hf-hub:lab/small")
    assert checkpoint_cached(f"hf-hub:lab/small@{COMMIT}")
    assert not checkpoint_cached("hf-hub:lab/small@other")
    monkeypatch.setattr(hub_module, "configuration", lambda _: {"text_cfg": {"hf_model_name": "x"}})
    assert not checkpoint_cached(f"{SMALL}/tag")  # nor is the text tower's own repository
    for name in ("file:w.pt", "local-dir:x", "RN50/nowhere"):
        assert not checkpoint_cached(name)


def keep(folder, files):
    """Files of the repository `lab/big` as `huggingface_hub` keeps them in `folder`."""
    place = folder / "models--lab--big"
    for name, content in files.items():
        file = place / "snapshots" / COMMIT / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))
    (place / "refs").mkdir(exist_ok=True)
    (place / "refs" / "main").write_text(COMMIT)


@pytest.mark.parametrize(
    ("before", "last"),
    [
        ({"config.json": {}}, "model.safetensors"),
        (
            {
                "config.json": {},
                "model.safetensors.index.json": {"weight_map": {"a": "1", "b": "2"}},
            }
            | {"1": 0},
            "2",
        ),
        (
            {
                "model_index.json": {"unet": ["diffusers", "U"], "x": [None, None], "y": True}
                | {"tokenizer": ["transformers", "T"]},
                "tokenizer/vocab.json": {},
                "unet/config.json": {},
            },
            "unet/diffusion_pytorch_model.fp16.safetensors",
        ),
    ],
)
def test_a_repository_is_cached_when_all_its_weights_are(hub, tmp_path, before, last):
    assert not repository_cached("lab/big")
    keep(tmp_path / "kept", before)
    assert not repository_cached("lab/big")
    keep(tmp_path / "kept", {last: 0})
    assert repository_cached("lab/big")
    assert repository_cached("lab/big", COMMIT)
    assert not repository_cached("lab/big", "other")
    assert not repository_cached("local-dir:lab/big")
