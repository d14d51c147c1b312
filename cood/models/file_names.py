"""Names that open_clip and timm give to the files of a model."""

from __future__ import annotations

CLIP_CONFIG = "open_clip_config.json"
# Tried in this order: safetensors cannot hold code.
CLIP_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
# Of a folder, open_clip reads weights of other names too, if they end so.
WEIGHT_SUFFIXES = (".safetensors", ".bin", ".pth")

ENCODER_CONFIG = "config.json"
ENCODER_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
