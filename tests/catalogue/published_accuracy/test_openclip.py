import csv

import pytest

from cood.catalogue import checkpoints as catalogue
from cood.catalogue.published_accuracy import openclip


def test_the_file_is_whole():
    with openclip.TABLE.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 121
    names = [(line["architecture"], line["tag"]) for line in lines]
    assert len(set(names)) == len(names)
    assert all(0.0 < float(line["imagenet"]) < 0.85 for line in lines)


def test_rows_are_joined_by_exact_name_and_the_rest_has_a_reason():
    rows = openclip.rows()
    assert len(rows) == 121
    known = {name for members in catalogue.families().values() for name in members}
    used = [row.checkpoint for row in rows if not row.excluded]
    assert len(used) == len(set(used)) == 105
    assert set(used) <= known
    reasons = [row.excluded for row in rows if row.excluded]
    assert sum("plain GELU" in why for why in reasons) == 6
    assert sum("same weights as an earlier row" in why for why in reasons) == 3
    assert sum("gives the same weights" in why for why in reasons) == 2
    assert sum("is broken" in why for why in reasons) == 1
    assert reasons.count(openclip.NOT_LISTED) == 4
    assert len(reasons) == 16


@pytest.mark.parametrize(
    ("checkpoint", "accuracy"),
    [
        ("ViT-B-32-quickgelu/openai", 0.6332),
        ("ViT-B-32-quickgelu/laion400m_e31", 0.6294),  # not 0.6022, with plain GELU
        ("RN50-quickgelu/cc12m", 0.3647),
        ("ViT-SO400M-14-SigLIP-384/webli", 0.8308),
        ("EVA02-E-14-plus/laion2b_s9b_b144k", 0.8201),
    ],
)
def test_accuracy_is_that_of_the_right_activation(checkpoint, accuracy):
    assert openclip.imagenet_accuracy()[checkpoint] == accuracy


def test_it_has_all_checkpoints_that_the_authors_tested():
    assert set(catalogue.published()) <= set(openclip.imagenet_accuracy())
