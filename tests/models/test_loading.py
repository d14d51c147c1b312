import open_clip
import pytest
import torch
from PIL import Image

from cood.catalogue.sources import local_source
from cood.errors import ArtefactError, CoodError
from cood.models.clip import Clip, text_tower
from cood.models.loading import load
from cood.models.small_clip import save_clip, untrained_clip
from cood.settings import Towers


def config_of(name):
    return Clip(name, torch.nn.Linear(1, 1), None, None, open_clip.get_model_config(name))


def test_a_saved_model_loads_back_with_equal_embeddings(tmp_path):
    clip = untrained_clip(Towers(image_tower="resnet"), seed=3)
    clip.model.eval()
    save_clip(clip, tmp_path)
    loaded = load(local_source(tmp_path))
    assert loaded.config == clip.config
    assert not loaded.model.training
    pixels = torch.arange(32 * 32 * 3, dtype=torch.uint8).reshape(32, 32, 3).numpy()
    image = Image.fromarray(pixels)
    tokens = clip.tokenize(["a red apple", "a hat"])
    with torch.inference_mode():
        for one, other in (
            (clip.preprocess(image), loaded.preprocess(image)),
            (tokens, loaded.tokenize(["a red apple", "a hat"])),
            (clip.model.encode_text(tokens), loaded.model.encode_text(tokens)),
            (
                clip.model.encode_image(clip.preprocess(image)[None]),
                loaded.model.encode_image(loaded.preprocess(image)[None]),
            ),
        ):
            torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ArtefactError, match="cannot be loaded") as caught:
        load(local_source(tmp_path / "nowhere"))
    assert str(tmp_path / "nowhere") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["open_clip_model.safetensors", "open_clip_config.json"])
@pytest.mark.parametrize("kept", [0, 0.5, None])
def test_a_damaged_folder_is_named_with_the_way_out(copied, name, kept):
    folder = copied.paths.model("few")
    content = (folder / name).read_bytes()
    (folder / name).unlink()
    if kept is not None:
        (folder / name).write_bytes(content[: int(kept * len(content))])
    with pytest.raises(ArtefactError, match="delete the folder and run") as caught:
        load(local_source(folder))
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("ViT-B-32/laion2b_s34b_b79", "ViT-B-32/laion2b_s34b_b79k"),
        ("ViT-B-32", "ViT-B-32"),
        ("", "known: "),
    ],
)
def test_an_unknown_checkpoint_gets_near_ones(source, hint):
    with pytest.raises(CoodError, match="unknown checkpoint") as caught:
        load(source)
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    ("name", "causal"),
    [
        ("ViT-B-32", True),
        ("RN50", True),
        ("EVA02-B-16", True),
        ("coca_ViT-B-32", False),
        ("ViT-B-16-SigLIP", False),
        ("roberta-ViT-B-32", False),
        ("ViT-L-14-CLIPA", False),
    ],
)
def test_which_texts_may_be_cut(name, causal):
    assert config_of(name).causal_text is causal


def test_the_text_tower_holds_its_positions():
    for image, text in (("resnet", "causal"), ("vit", "causal"), ("resnet", "bidirectional")):
        clip = untrained_clip(Towers(image_tower=image, text_tower=text), 0)
        config = clip.config["text_cfg"]
        positions = text_tower(clip.model).positional_embedding
        assert positions.shape == (config["context_length"], config["width"])
        assert text_tower(clip.model).token_embedding.weight.shape == (49408, config["width"])
