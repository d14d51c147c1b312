"""Weights and configurations as people have them: right, refused with what to do, or noted."""

import copy
import json

import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from cood.catalogue.checkpoints import sizes
from cood.catalogue.preprocessing import of_folder
from cood.catalogue.sources import local_source
from cood.errors import CoodError
from cood.models.loading import load

VISION = {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16}
TEXT = {"context_length": 12, "vocab_size": 49408, "width": 16, "heads": 1, "layers": 1}
TINY = {"embed_dim": 16, "vision_cfg": VISION, "text_cfg": TEXT}
USUAL = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}


def configured(folder, config, preprocessing=USUAL):
    """A folder with a configuration; the preprocessing is left out if it is None."""
    folder.mkdir(exist_ok=True)
    given = {} if preprocessing is None else {"preprocess_cfg": preprocessing}
    text = json.dumps({"model_cfg": config, **given})
    (folder / "open_clip_config.json").write_text(text)
    return folder


def made(folder, config=TINY, preprocessing=USUAL):
    """A folder with a model of random weights; its state dict."""
    source = local_source(configured(folder, config, preprocessing))
    torch.manual_seed(0)
    model = open_clip.create_model(source, load_weights=False, pretrained_text=False)
    state = {key: value.contiguous() for key, value in model.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")
    return state


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """State dict of a tiny CLIP, to be changed in a copy."""
    return made(tmp_path_factory.mktemp("weights") / "tiny")


def saved(folder, state, config=TINY):
    """A folder with weights as torch saves them."""
    torch.save(state, configured(folder, config) / "open_clip_pytorch_model.bin")
    return local_source(folder)


def refused(source, **options):
    with pytest.raises(CoodError) as caught:
        load(source, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def changed(**vision):
    return {**TINY, "vision_cfg": {**VISION, **vision}}


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_not_finite_are_refused_by_name(weights, tmp_path, wrong):
    state = copy.deepcopy(weights)
    state["visual.proj"][0, 0] = wrong
    said = refused(saved(tmp_path / "m", state))
    assert "1 of its tensors hold NaN or infinity (visual.proj)" in said
    assert "use weights from before" in said


def without(name):
    return lambda state: {k: v for k, v in state.items() if k != name}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without("ln_final.bias"), r"1 are missing (ln_final.bias); name the architecture"),
        (lambda s: {**s, "extra": torch.ones(2)}, "1 are unexpected (extra)"),
        (lambda s: {**s, "epoch": 3}, "1 are unexpected (epoch)"),
        (
            lambda s: {**s, "visual.proj": torch.ones(8, 8)},
            "1 have another shape (visual.proj [8, 8] for [32, 16])",
        ),
        (
            lambda s: {**s, "vision_model.post_layernorm.bias": torch.ones(2)},
            "the names of transformers, so convert them",
        ),
        (lambda s: {**s, "text.ln_final.bias": torch.ones(2)}, "set custom_text to true"),
        (lambda s: {"epoch": 3}, "hold no tensors by name, but epoch"),
        (lambda s: {}, "hold no tensors by name, but nothing"),
        (lambda s: list(s.values()), "are of type list; save the state dict"),
        (
            # One of them would be lost without a word if the prefix were cut off blindly.
            lambda s: {"module.logit_scale": s["logit_scale"], "visual.proj": s["visual.proj"]},
            "are missing",
        ),
        (
            lambda s: {**s, "visual.positional_embedding": torch.ones(17, 32)},
            "17 positions in visual.positional_embedding, and its configuration asks for 5; "
            "positions are never stretched, so correct vision_cfg.image_size",
        ),
        (
            lambda s: {**s, "positional_embedding": torch.ones(77, 16)},
            "77 positions in positional_embedding, and its configuration asks for 12",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused_with_what_to_do(weights, tmp_path, change, said):
    assert said in refused(saved(tmp_path / "m", change(dict(weights))))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: {"epoch": 1, "state_dict": s, "optimizer": {"state": {0: {}}}},
        lambda s: {"model": {f"module.{k}": v for k, v in s.items()}},
        lambda s: {f"_orig_mod.{k}": v for k, v in s.items()},
        lambda s: {"state_dict": {f"module._orig_mod.model.{k}": v for k, v in s.items()}},
        lambda s: {**s, "attn_mask": torch.ones(12, 12)},
        lambda s: {**s, "logit_scale": s["logit_scale"].reshape(1)},
    ],
)
def test_what_wrappers_add_changes_no_weight(weights, tmp_path, wrap):
    clip = load(saved(tmp_path / "m", wrap(dict(weights))))
    assert clip.notes == ()
    for name, tensor in clip.model.state_dict().items():
        torch.testing.assert_close(tensor, weights[name], rtol=0, atol=0)


def test_a_second_set_of_weights_in_a_file_is_noted(weights, tmp_path):
    state = dict(weights)
    clip = load(saved(tmp_path / "m", {"state_dict": state, "state_dict_ema": state}))
    assert clip.notes == ("the file holds state_dict_ema too; state_dict is used",)


def test_a_bias_of_the_logits_on_one_side_is_noted(weights, tmp_path):
    clip = load(saved(tmp_path / "a", {**weights, "logit_bias": torch.tensor(-10.0)}))
    assert "the weights hold a logit_bias" in clip.notes[0]
    assert clip.model.logit_bias is None
    clip = load(saved(tmp_path / "b", dict(weights), {**TINY, "init_logit_bias": -10}))
    assert "the configuration has a logit_bias" in clip.notes[0]


@pytest.mark.parametrize("kept", [0, 0.5, 0.99])
def test_an_incomplete_file_is_refused_with_what_to_do(weights, tmp_path, kept):
    source = saved(tmp_path / "m", dict(weights))
    file = tmp_path / "m" / "open_clip_pytorch_model.bin"
    file.write_bytes(file.read_bytes()[: int(kept * file.stat().st_size)])
    assert "damaged" in refused(source)


def test_a_pointer_in_place_of_the_weights_is_named(tmp_path):
    folder = configured(tmp_path / "m", TINY)
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"
    (folder / "open_clip_model.safetensors").write_text(pointer)
    assert "a pointer of Git LFS" in refused(local_source(folder))


def test_several_files_of_weights_are_not_guessed_from(weights, tmp_path):
    folder = configured(tmp_path / "m", TINY)
    for name in ("epoch_1.bin", "epoch_2.bin"):
        torch.save(dict(weights), folder / name)
    assert "2 files of weights (epoch_1.bin, epoch_2.bin)" in refused(local_source(folder))
    save_file(weights, folder / "open_clip_model.safetensors")
    assert load(local_source(folder)).notes == ()


def test_what_a_bare_file_does_not_say_is_noted(weights, tmp_path, monkeypatch):
    (tmp_path / "bare-tiny.json").write_text(json.dumps(TINY))
    open_clip.add_model_config(tmp_path / "bare-tiny.json")
    torch.save(dict(weights), tmp_path / "w.pt")
    (note,) = load(f"file:{tmp_path / 'w.pt'}", architecture="bare-tiny").notes
    assert "does not say which activation and preprocessing" in note
    assert "those of bare-tiny are used: GELU, mean 0.4815" in note
    assert "bicubic" in note


@pytest.mark.parametrize(
    ("preprocessing", "said"),
    [
        (None, ["gives no mean and std of the pixels"]),
        ({}, ["gives no mean and std of the pixels"]),
        ({"mean": [0.5] * 3}, ["gives no mean and std of the pixels"]),
        ({**USUAL, "size": [32, 32]}, []),
        ({**USUAL, "size": 48}, ["the size 48 in preprocess_cfg and 32 in vision_cfg; the latter"]),
    ],
)
def test_what_a_configuration_leaves_open_is_noted(tmp_path, preprocessing, said):
    made(tmp_path / "m", preprocessing=preprocessing)
    clip = load(local_source(tmp_path / "m"))
    assert len(clip.notes) == len(said)
    assert all(part in note for part, note in zip(said, clip.notes, strict=True))
    assert clip.preprocess(Image.new("RGB", (50, 40))).shape == (3, 32, 32)
    assert of_folder(tmp_path / "m").size == 32


@pytest.mark.parametrize(
    ("config", "shape", "resolution", "width"),
    [
        (changed(image_size=[32, 32]), (32, 32), 32, 32),
        (changed(image_size=[64, 16]), (64, 16), 32, 32),
        ({**TINY, "vision_cfg": {k: v for k, v in VISION.items() if k != "image_size"}},
         (224, 224), 224, 32),
        (changed(timm_model_name="test_resnet", timm_pool=""), (32, 32), 32, 32),
        ({**TINY, "custom_text": True, "quick_gelu": True}, (32, 32), 32, 32),
        ({**TINY, "init_logit_bias": -10, "nonscalar_logit_scale": True}, (32, 32), 32, 32),
        (changed(layers=[1, 1, 1, 1], width=8), (32, 32), 32, 8),
    ],
)  # fmt: skip
def test_every_form_of_a_configuration_is_read(tmp_path, config, shape, resolution, width):
    made(tmp_path / "m", config)
    clip = load(local_source(tmp_path / "m"))
    assert clip.notes == ()
    with torch.inference_mode():
        pixels = clip.preprocess(Image.new("RGB", (50, 40)))
        assert clip.encode_image(pixels[None]).shape == (1, 16)
        assert clip.encode_text(clip.tokenize(["a hat"])).shape == (1, 16)
    assert pixels.shape == (3, *shape)
    found = sizes(clip.config)
    assert (found["resolution"], found["width"]) == (resolution, width)
    guess = of_folder(tmp_path / "m")
    assert (guess.size if guess else None) == (shape[0] if shape[0] == shape[1] else None)


def test_a_text_tower_of_transformers_and_a_tokeniser_with_more_words(tmp_path):
    from transformers import BertConfig, BertTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "hat", "red", "bus"]
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(words))
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1}
    size = {"intermediate_size": 16, "max_position_embeddings": 12}
    for count, notes in ((9, 0), (8, 1)):
        BertConfig(vocab_size=count, **small, **size).save_pretrained(tmp_path / "bert")
        text = {"hf_model_name": str(tmp_path / "bert"), "hf_tokenizer_name": "its own",
                "context_length": 12}  # fmt: skip
        made(folder, {**TINY, "text_cfg": text})
        clip = load(local_source(folder))
        assert clip.words == count
        assert len(clip.notes) == notes
        with torch.inference_mode():
            assert clip.encode_text(clip.tokenize(["a red hat"])).shape == (1, 16)
        assert not clip.causal_text
    assert "has 9 words and the text tower 8" in clip.notes[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"resize_mode": "stretch"}, "resize_mode: expected one of shortest, longest, squash, got"),
        ({"interpolation": "lanczos"}, "interpolation: expected one of bicubic, bilinear, random"),
        ({"mean": [123.7, 116.3, 103.5]}, "mean: 123.7 is not for pixels from 0 to 1"),
        ({"std": [0.2, 0, 0.2]}, "std: 0 is not for pixels from 0 to 1"),
        ({"std": [0.2, 1e-9, 0.2]}, "std: 1e-09 is not for pixels from 0 to 1"),
        ({"mean": [-0.5, 0.5, 0.5]}, "mean: -0.5 is not for pixels from 0 to 1"),
        ({"mean": [float("nan")] * 3}, "mean: nan is not for pixels from 0 to 1"),
        ({"mean": [0.5, 0.5]}, "mean: expected 3 numbers, got 2"),
        ({"std": [0.5] * 4}, "std: expected 3 numbers, got 4"),
    ],
)
def test_preprocessing_that_no_model_can_have_is_refused(tmp_path, settings, message):
    made(tmp_path / "m")
    configured(tmp_path / "m", TINY, {**USUAL, **settings})
    assert message in refused(local_source(tmp_path / "m"))


@pytest.mark.parametrize(
    ("config", "place"),
    [
        ({**TINY, "quick_gelu": "false"}, "model_cfg.quick_gelu: 'false'"),
        ({**TINY, "text_cfg": {**TEXT, "no_causal_mask": "False"}}, "model_cfg.text_cfg.no_causal"),
    ],
)
def test_a_switch_in_quotes_is_refused(weights, tmp_path, config, place):
    said = refused(saved(tmp_path / "m", dict(weights), config))
    assert place in said
    assert "is text; write false without quotes" in said


def test_a_path_in_the_home_folder_is_found(weights, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    saved(tmp_path / "m", dict(weights))
    assert load("local-dir:~/m").notes == ()


def test_weights_in_whole_numbers_are_refused(tmp_path, weights):
    odd = {**weights, "text_projection": weights["text_projection"].to(torch.int8)}
    message = refused(saved(tmp_path / "m", odd))
    assert "hold no floating-point numbers" in message
    assert "may be quantised" in message
