import pytest

from cood.analysis.topics.published.composition import openclip_table
from cood.analysis.topics.published.families import (
    POOLS,
    TOWERS,
    describe_data,
    family_of,
    image_tower,
)
from cood.catalogue.checkpoints import CHECKPOINTS


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("WIT", ("OpenAI", "OpenAI", "", "")),
        ("LAION-2B", ("LAION-2B", "LAION-5B", "", "")),
        ("LAION-5B", ("LAION-5B", "LAION-5B", "", "")),
        ("WebLI 2025", ("WebLI 2025", "WebLI 2025", "", "")),
        ("MetaCLIP worldwide", ("MetaCLIP worldwide", "MetaCLIP", "", "")),
        ("DataComp-1B", ("DataComp-XL", "CommonPool-XL", "XL", "DataComp")),
        ("DataComp-S", ("DataComp-S", "CommonPool-S", "S", "DataComp")),
        ("CommonPool-M clip", ("CommonPool-M", "CommonPool-M", "M", "clip")),
        ("CommonPool-L", ("CommonPool-L", "CommonPool-L", "L", "none")),
    ],
)
def test_pre_training_sets(data, expected):
    assert tuple(describe_data(data).values()) == expected


def test_pools_are_of_sets_that_the_catalogue_has():
    text = CHECKPOINTS.read_text()
    assert all(f"  {name}:" in text for name in POOLS)


def test_every_kind_of_tower_has_a_model():
    # OpenCLIP's table has no MobileCLIP.
    assert {*openclip_table()["tower"], "MobileCLIP"} == set(TOWERS.values())
    assert image_tower("MobileCLIP2-S0") == "MobileCLIP"
    assert image_tower("xlm-roberta-base-ViT-B-32") == "ViT"
    assert family_of("LAION-5B", "EVA") == "LAION-5B, EVA"
