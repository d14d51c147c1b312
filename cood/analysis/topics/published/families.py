"""Families of published checkpoints: pool of pre-training data and kind of image tower."""

from __future__ import annotations

# What a pre-training set was chosen from, where that is not the set itself. Sets that share most
# of their pairs are in one pool, because the models that were trained on them are not independent.
POOLS = {
    "LAION-2B": "LAION-5B",
    "LAION-Aesthetic": "LAION-5B",
    "Merged-2B": "LAION-5B",  # four fifths of it
    "DFN-2B": "CommonPool-XL",
    "DFN-5B": "CommonPool-XL",  # and other pairs
    "DataCompDR-1B": "CommonPool-XL",
    "DFNDR-2B": "CommonPool-XL",
    "MetaCLIP-400M": "MetaCLIP",
    "MetaCLIP-2.5B": "MetaCLIP",
    "MetaCLIP Altogether": "MetaCLIP",
    "MetaCLIP worldwide": "MetaCLIP",
}
# The first part of an architecture's name that fits decides.
TOWERS = {
    "RN": "ResNet",
    "convnext": "ConvNeXt",
    "EVA": "EVA",
    "MobileCLIP": "MobileCLIP",
    "": "ViT",  # with any text tower, and of any loss
}
# Sizes of a checkpoint that the catalogue may know.
SIZES = {
    "pairs": "pairs in the training set",
    "samples_seen": "pairs seen in training",
    "parameters": "parameters",
    "embed_dim": "dimensions of the embedding",
    "resolution": "resolution",
}


def describe_data(data: str) -> dict[str, str]:
    """Facts about a pre-training set of the catalogue.

    Returns
    -------
    dict
        `set`; `pool`, what it was chosen from (CommonPool of the same scale for DataComp, LAION-5B
        for LAION-2B); the `scale` of CommonPool and the `filter` that chose from it, which are
        empty for other sets.

    Examples
    --------
    >>> describe_data("CommonPool-M clip")["pool"], describe_data("DataComp-1B")["pool"]
    ('CommonPool-M', 'CommonPool-XL')
    """
    name, _, chosen = data.partition(" ")
    if not name.startswith(("CommonPool-", "DataComp-")):
        name = {"WIT": "OpenAI"}.get(data, data)
        return {"set": name, "pool": POOLS.get(name, name), "scale": "", "filter": ""}
    name = {"DataComp-1B": "DataComp-XL"}.get(name, name)
    scale = name.partition("-")[2]
    chosen = "DataComp" if name.startswith("DataComp-") else chosen or "none"
    return {"set": name, "pool": f"CommonPool-{scale}", "scale": scale, "filter": chosen}


def image_tower(architecture: str) -> str:
    """Kind of image tower of an architecture of open_clip.

    Examples
    --------
    >>> image_tower("RN50x4-quickgelu"), image_tower("roberta-ViT-B-32"), image_tower("EVA02-B-16")
    ('ResNet', 'ViT', 'EVA')
    """
    return next(kind for start, kind in TOWERS.items() if architecture.startswith(start))


def family_of(pool: str, tower: str) -> str:
    """Name of the family of a published checkpoint.

    Models of one family are not independent, so statistics over published checkpoints take
    families as units.
    """
    return f"{pool}, {tower}"
