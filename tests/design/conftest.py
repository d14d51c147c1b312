import pytest

from cood.design import Dose, Levels, Range

ORTHOGONALITY = ("orthogonality", "orthogonality_placebo")
ADDITIVITY = ("additivity", "additivity_placebo")


@pytest.fixture(scope="session")
def few_factors():
    """Five ranges, three treatments of which two have a strength: eight columns."""
    return [
        Range("share", 0.15, 0.8, log=True),
        Range("images", 1600, 12800, log=True, whole=True),
        Range("steps", 300, 900, log=True, whole=True),
        Range("skew", 0, 1),
        Range("wrong_captions", 0, 0.3),
        Levels("treatment", ("none", *ORTHOGONALITY)),
        Dose(
            "strength",
            "treatment",
            ((Range("orthogonality", 0.3, 10, log=True), ORTHOGONALITY),),
        ),
    ]


@pytest.fixture(scope="session")
def many_factors():
    """Eight ranges, four factors with levels, two strengths: eighteen columns."""
    return [
        Range("share", 0.15, 0.8, log=True),
        Range("images", 1600, 25000, log=True, whole=True),
        Range("steps", 300, 1500, log=True, whole=True),
        Range("skew", 0, 1),
        Range("wrong_captions", 0, 0.5),
        Range("pair_captions", 0.3, 0.9),
        Range("learning_rate", 1e-3, 6e-3, log=True),
        Range("embed_dim", 32, 256, log=True, whole=True),
        Levels("image_tower", ("resnet", "vit", "byobnet")),
        Levels("text_tower", ("causal", "bidirectional")),
        Levels("loss", ("softmax", "sigmoid")),
        Levels("treatment", ("none", *ORTHOGONALITY, *ADDITIVITY)),
        Dose(
            "strength",
            "treatment",
            (
                (Range("orthogonality", 0.3, 10, log=True), ORTHOGONALITY),
                (Range("additivity", 0.1, 3, log=True), ADDITIVITY),
            ),
        ),
    ]
