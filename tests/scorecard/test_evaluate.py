"""From photos to scores: known answers, what is kept, models in memory, the same as a study."""

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image

import cood
from cood.errors import CoodError
from cood.scorecard import embedding, evaluate
from cood.scorecard.kept import Kept
from cood.scorecard.memory import clip_in_memory, evaluation_mode
from cood.scorecard.photos import read_photos
from cood.vocabulary import TEMPLATES
from tests.scorecard.conftest import SIDE, Exact, draw, preprocess, tokenize
from tests.synthesis.made_images import turned


def quiet(text):
    pass


def test_a_model_is_right_where_a_file_shows_what_its_folder_says(quick, exact, photos):
    card = cood.evaluate(exact, preprocess, tokenize, images=photos, name="exact", say=quiet)
    wrong = card.images[~card.images["right"]]
    assert wrong["file"].tolist() == ["red polar bear/0.png", "red polar bear/1.png"]
    assert set(wrong["answered_attribute"] + " " + wrong["answered_object"]) == {"rotten apple"}
    assert card.value("pair_top1") == card.value("attribute_top1") == 18 / 20
    assert card.value("binding") == 1  # where both words are right alone, so is the pair
    chance = card.accuracy.query("labels == 'all'").set_index("metric")["chance"]
    assert chance[["pair_top1", "attribute_top1", "object_alone_top1"]].tolist() == [0.25, 0.5, 0.5]


def test_a_model_is_left_as_it_was(quick, exact, photos):
    exact.part = torch.nn.Dropout()
    exact.train()
    exact.part.eval()
    with evaluation_mode(exact):
        assert not exact.training
    assert exact.training
    assert not exact.part.training
    half = Exact().half()  # pixels are cast to the precision of the weights
    assert cood.evaluate(half, preprocess, tokenize, images=photos, say=quiet).value("binding") == 1
    assert half.weight.dtype == torch.float16


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"model": object()}, "model: object has neither encode_image and encode_text nor"),
        ({"tokenizer": None}, "tokenizer: NoneType cannot be called"),
        ({"templates": ["a photo"]}, "templates: 'a photo' must hold {} once"),
        ({"templates": "a photo of {}"}, "templates: expected a list of prompts, got 'a photo of"),
        ({"templates": []}, r"templates: expected a list of prompts, got \[\]"),
        ({"seed": "a"}, "seed: expected a whole number from 0, got 'a'"),
        ({"cores": 0}, "cores: expected a whole number from 1, got 0"),
        ({"images": "nowhere"}, "there is no folder nowhere"),
        ({"tokenizer": lambda texts: {"input_ids": []}}, "gives dict instead of a tensor"),
        (
            {"tokenizer": lambda texts: torch.zeros(len(texts), dtype=int)},
            r"gives torch.int64 \[20\] instead of whole numbers \[20, length\]",
        ),
        (
            {"preprocess": lambda image: torch.zeros(1, 3, SIDE, SIDE)},
            r"gives \[1, 3, 8, 8\] instead of \[3, height, width\]",
        ),
    ],
)
def test_what_cannot_be_evaluated_is_named(exact, photos, given, message):
    usual = {"model": exact, "preprocess": preprocess, "tokenizer": tokenize, "images": photos}
    with pytest.raises((CoodError, ValueError), match=message):
        cood.evaluate(**{**usual, "say": quiet, **given})


def test_a_preprocessing_that_keeps_the_size_of_each_image_is_named(exact, photos):
    Image.new("RGB", (16, 8)).save(photos / "red apple" / "wide.png")
    as_it_is = lambda image: torch.from_numpy(np.array(image, np.float32)).permute(2, 0, 1)  # noqa: E731
    message = r"makes \[3, 8, 8\] of one image and \[3, 8, 16\] of red apple/wide.png; give one"
    with pytest.raises(CoodError, match=message):
        cood.evaluate(exact, as_it_is, tokenize, images=photos, say=quiet)


@pytest.fixture
def embed(exact, photos, tmp_path):
    """Embed the photos with what is kept in a folder; how often the model was loaded."""
    clip, loaded = clip_in_memory("exact", exact, preprocess, tokenize), []

    def run():
        read = read_photos(photos, say=quiet)
        kept = Kept(tmp_path / "cache")
        load = lambda: loaded.append(1) or clip  # noqa: E731
        return embedding.embed_photos(load, read, TEMPLATES, kept=kept, say=quiet)[0]

    run.loaded = loaded
    return run


def test_what_is_kept_is_not_embedded_again(embed, exact, photos):
    first = embed()
    assert (exact.images, len(embed.loaded)) == (20, 1)
    again = embed()
    assert (exact.images, len(embed.loaded)) == (20, 1)
    for name, tensor in first.items():
        np.testing.assert_array_equal(tensor, again[name])
    draw(photos / "red apple" / "new.png", "red", "apple", 60)
    (photos / "red apple" / "1.png").rename(photos / "red apple" / "other name.png")
    assert len(embed()["images"]) == 21
    assert exact.images == 21  # the new one; a name is no content


def test_a_run_that_was_stopped_continues(embed, exact, monkeypatch):
    from cood.evaluation.embed import images

    monkeypatch.setattr(embedding, "PART", 6)
    whole, calls = images.embed_images, []

    def stops(*given, **options):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return whole(*given, **options)

    monkeypatch.setattr(images, "embed_images", stops)
    with pytest.raises(KeyboardInterrupt):
        embed()
    assert exact.images == 12
    monkeypatch.setattr(images, "embed_images", whole)
    resumed = embed()
    assert exact.images == 20
    read = resumed["images"].argmax(axis=1)
    np.testing.assert_array_equal(read[:5], 0)


def test_a_damaged_file_of_the_cache_counts_as_missing(embed, exact, tmp_path):
    first = embed()
    for file in (tmp_path / "cache").iterdir():
        file.write_bytes(file.read_bytes()[:50])
    np.testing.assert_array_equal(embed()["images"], first["images"])
    assert exact.images == 40


class OfTransformers(torch.nn.Module):
    """The functions that a CLIP of transformers has, around the made-up model."""

    def __init__(self, masked):
        super().__init__()
        self.exact, self.masked, self.config = Exact(), masked, type("Config", (), {})()
        self.config.max_position_embeddings = 9

    def get_image_features(self, pixel_values):
        return type("Output", (), {"pooler_output": self.exact.encode_image(pixel_values)})()

    def get_text_features(self, input_ids, attention_mask=None):
        assert input_ids.shape[1] == 9
        assert (attention_mask is not None) == self.masked
        if self.masked:
            input_ids = input_ids * attention_mask
        present = [(input_ids == number).any(dim=1) for number in (1, 2, 3, 4)]
        return self.exact.encode_text(torch.stack(present, dim=1))


class Processor:
    """An image processor and a tokeniser in one, as those of transformers are."""

    model_max_length = 10**30  # no limit of its own

    def __init__(self, masked):
        self.masked, self.image_processor, self.tokenizer = masked, self.of_images, self

    def of_images(self, images, return_tensors):
        return {"pixel_values": preprocess(images)[None]}

    def __call__(self, texts, padding, truncation, max_length, return_tensors):
        from tests.scorecard.conftest import WORDS

        numbers = {word: k + 1 for k, word in enumerate(WORDS)}
        fill = 1 if self.masked else 0  # padding that reads "red" unless it is masked
        ids = [[numbers.get(word, 9) for word in text.split()] for text in texts]
        made = {"input_ids": [(row + [fill] * max_length)[:max_length] for row in ids]}
        if self.masked:
            lengths = [len(row) for row in ids]
            made["attention_mask"] = [[int(k < n) for k in range(max_length)] for n in lengths]
        return {key: torch.tensor(rows) for key, rows in made.items()}


@pytest.mark.parametrize("masked", [True, False])
def test_a_model_of_transformers_answers_the_same(quick, exact, photos, masked):
    other = Processor(masked)
    found = cood.evaluate(OfTransformers(masked), other, other, images=photos, say=quiet)
    own = cood.evaluate(exact, preprocess, tokenize, images=photos, say=quiet)
    pd.testing.assert_frame_equal(found.images, own.images)


def test_a_tiny_clip_of_transformers():
    from transformers import CLIPConfig, CLIPModel

    torch.manual_seed(0)
    sides = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2}
    sides |= {"num_hidden_layers": 1}
    texts = {**sides, "vocab_size": 50, "max_position_embeddings": 9, "eos_token_id": 49}
    pictures = {**sides, "image_size": 8, "patch_size": 4}
    config = CLIPConfig(text_config=texts, vision_config=pictures, projection_dim=12)
    model = CLIPModel(config).eval()
    other = Processor(masked=True)
    clip = clip_in_memory("tiny", model, other, other)
    with torch.inference_mode():
        assert clip.encode_image(torch.zeros(2, 3, 8, 8)).shape == (2, 12)
        assert clip.model.encode_text(clip.tokenize(["a red apple", "hat"])).shape == (2, 12)


STUDY = {
    "seed": evaluate.SEED,
    "vocabulary": {"attributes": ["red", "rotten"], "objects": ["apple", "polar bear"]},
    "core": 0.25,
    "sets": {"own": {"source": "folder", "folder": "photos"}},
    "models": {"mine": {"checkpoint": "local-dir:mine"}},
    "representation_metrics": {"metrics": ["dci", "mig"], "repeats": 1, "folds": 4},
    "notebooks": {},
}


def test_a_study_of_the_same_photos_has_the_same_numbers(
    quick, project, photos, checkpoint, monkeypatch
):
    from cood.cli import main
    from cood.scorecard import scoring

    defaults = scoring.score_tensors.__kwdefaults__
    settings = defaults["metrics"].model_copy(update={"folds": 4})
    monkeypatch.setitem(defaults, "metrics", settings)
    (project / "photos").symlink_to(photos)
    (project / "mine").symlink_to(checkpoint)
    (photos / "red apple" / "empty.png").touch()
    odd = np.random.default_rng(0).integers(0, 256, (9, 16, 4), dtype=np.uint8)
    (photos / "red apple" / "odd.png").write_bytes(turned(odd, 6))
    file = project / "workflow" / "studies" / "own.yaml"
    file.write_text(yaml.safe_dump(STUDY))
    run = ["--study", "own"]
    for command in (
        ["import-images", *run, "--set", "own", "--cores", "1"],
        ["embed", *run, "--model", "mine"],
        ["accuracy", *run, "--model", "mine"],
        ["representation-metrics", *run, "--model", "mine"],
    ):
        assert main(command) == 0
    results = project / "results" / "own"
    note = "turned as its orientation says; transparent parts laid on white"
    for _ in range(2):  # the second time without decoding the images
        read, board = evaluate.evaluate_checkpoints(
            ["mine"], photos, cache=project / "cache", say=quiet
        )
        assert read.noted.to_numpy().tolist() == [["red apple/odd.png", note]]
    manifest = pd.read_parquet(results / "sets" / "own" / "manifest.parquet")
    assert list(manifest.loc[manifest["note"] != "", "note"]) == [note]
    (card,) = board.cards
    keys = ["metric", "labels", "space", "codes", "factor", "basis", "null", "projection"]
    keys += ["centred", "unit_rows", "relative"]
    for kind in ("accuracy", "representation_metrics"):
        study = pd.read_parquet(results / kind / "mine.parquet")
        study = study[(study["category"] == "all") & (study["query"] == "")]
        both = card.scores.merge(study, on=keys, suffixes=("", "_study"))
        assert len(both) > 10
        for column in ("value", "low", "high", "chance", "n"):
            own, other = both[column].to_numpy(float), both[f"{column}_study"].to_numpy(float)
            np.testing.assert_allclose(own, other, rtol=0, atol=1e-6, err_msg=column)


class Silent(Exact):
    """All its embeddings are the same."""

    def encode_image(self, pixels):
        return torch.ones(len(pixels), 4)


def test_a_model_of_no_use_is_named(quick, photos):
    broken = Exact()
    with torch.no_grad():
        broken.weight[0] = float("nan")
    for model, message in (
        (broken, "4 of the 4 embeddings of compositions hold NaN or infinity"),
        (Silent(), "the 20 embeddings of images are all the same"),
    ):
        with pytest.raises(CoodError, match=message):
            cood.evaluate(model, preprocess, tokenize, images=photos, say=quiet)
