import pytest

from cood.errors import StudyError
from cood.models.zoo import architectures, check_training

MODEL = {"share": 0.4}


def test_every_architecture_goes_with_one_of_the_losses(parse):
    assert {"resnet", "byobnet", "vit"} <= set(architectures())
    for name in architectures():
        loss = "sigmoid" if "sigmoid" in name else "softmax"
        study = parse(models={"m": {**MODEL, "architecture": name, "loss": loss}})
        check_training("m", study.trained["m"])
        wrong = "softmax" if loss == "sigmoid" else "sigmoid"
        study = parse(models={"m": {**MODEL, "architecture": name, "loss": wrong}})
        with pytest.raises(StudyError, match=f"models.m: architecture '{name}'.*clash"):
            check_training("m", study.trained["m"])


def test_an_unknown_architecture_gets_near_ones(parse):
    study = parse(models={"m": {**MODEL, "architecture": "resnt"}})
    with pytest.raises(StudyError, match="unknown architecture 'resnt'; did you mean resnet"):
        check_training("m", study.trained["m"])
