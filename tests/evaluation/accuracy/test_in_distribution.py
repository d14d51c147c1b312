import numpy as np
import pytest

from cood.evaluation.accuracy.in_distribution import score_in_distribution
from cood.evaluation.common.score_table import check, complete
from cood.settings import Evaluation


@pytest.fixture
def settings():
    return Evaluation(resamples=200)


def test_known_answers(settings):
    objects = np.eye(8, dtype=np.float32)
    classes = np.repeat(np.arange(8), 5)
    images = objects[classes].copy()
    images[classes == 0] = [0.4, 0.5, *[0.45] * 3, 0, 0, 0]  # its class comes fifth
    images[classes == 1] = [0.5, 0.1, *[0.45] * 4, 0, 0]  # sixth
    table = score_in_distribution({"images": images, "objects": objects}, classes, settings, 0)
    check(complete(table))
    table = table.set_index("metric")
    assert table["value"].to_dict() == {"id_top1": 6 / 8, "id_top5": 7 / 8}
    assert table["chance"].to_dict() == {"id_top1": 1 / 8, "id_top5": 5 / 8}
    assert (table["n"] == 40).all()
    assert set(table["split"]) == {"id"}


def test_intervals_come_from_resampling_classes(settings):
    objects = np.eye(4, dtype=np.float32)
    few, many = np.repeat(np.arange(4), 1), np.repeat(np.arange(4), 1000)
    found = []
    for classes in (few, many):
        images = objects[np.where(classes == 3, 2, classes)]  # the last is always missed
        tensors = {"images": images, "objects": objects}
        found.append(score_in_distribution(tensors, classes, settings, 0))
    # A thousand images of each class tell no more of classes than one.
    columns = ["value", "low", "high"]
    np.testing.assert_array_equal(found[0][columns], found[1][columns])
    assert found[0]["low"].iloc[0] < 0.75 < found[0]["high"].iloc[0]
