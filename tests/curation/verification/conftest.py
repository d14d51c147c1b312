"""A vision-language model of half a megabyte, with random weights, saved as the hub has them."""

import pytest

# fmt: off
WORDS = [
    "does", "this", "image", "show", "a", "answer", "yes", "or", "no", "Yes", "No", "is", "the",
    "in", "red", "blue", "striped", "brick", "apple", "hat", "dog", "bus", "umbrella",
]
# fmt: on
TEMPLATE = (
    "{% for m in messages %}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<image>{% else %} {{ c['text'] }}{% endif %}"
    "{% endfor %}{% endfor %}"
)


def save_verifier(folder, template=TEMPLATE, words=WORDS):
    """Save a LLaVA of tiny parts with its processor."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        CLIPImageProcessor,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
        PreTrainedTokenizerFast,
    )

    special = ["<pad>", "<unk>", "<s>", "</s>", "<image>"]
    vocabulary = {word: number for number, word in enumerate([*special, *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        additional_special_tokens=["<image>"],
    )
    torch.manual_seed(0)
    width = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 2}
    vision = CLIPVisionConfig(**width, **heads, image_size=32, patch_size=16, projection_dim=32)
    text = LlamaConfig(
        **width, **heads, vocab_size=len(vocabulary), num_key_value_heads=2, pad_token_id=0
    )
    model = LlavaForConditionalGeneration(
        LlavaConfig(
            vision_config=vision,
            text_config=text,
            image_token_index=4,
            image_seq_length=4,
            vision_feature_layer=-1,
        )
    )
    with torch.no_grad():
        for weight in model.parameters():  # far from 0, so that answers differ between images
            weight.mul_(8 if weight.ndim > 1 else 1)
    size = {"height": 32, "width": 32}
    images = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=size)
    processor = LlavaProcessor(
        images,
        fast,
        patch_size=16,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=template,
    )
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


@pytest.fixture(scope="session")
def verifier_folder(tmp_path_factory):
    """Folder of the tiny vision-language model."""
    folder = tmp_path_factory.mktemp("verifiers") / "tiny-llava"
    save_verifier(folder)
    return folder
