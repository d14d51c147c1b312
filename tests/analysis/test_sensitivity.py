import pandas as pd
import pytest

from cood.analysis.results import Results
from cood.analysis.sensitivity import correlate_ways
from cood.analysis.stats.correlation import correlate
from cood.errors import StudyError

MODELS = pd.DataFrame({"model": list("abcd"), "family": ["x", "x", "y", "z"]})
KEYS = ["model", "variant", "value"]


@pytest.fixture
def results(tiny):
    rows = [(m, "up", v) for m, v in zip("abcd", (0.1, 0.3, 0.2, 0.4), strict=True)]
    rows += [(m, "gap", v) for m, v in zip("abd", (0.5, 0.1, 0.3), strict=True)]
    fixed = {"set": "ao", "split": "unseen", "group": "all", "space": "image", "metric": "m"}
    numbers = {"low": 0.0, "high": 1.0, "chance": 0.1, "n": 5}
    return Results(tiny, pd.DataFrame(rows, columns=KEYS).assign(**fixed, **numbers), MODELS)


def ways(*variants):
    return {f"by {v}": {"metric": "m", "split": "unseen", "variant": v} for v in variants}


def test_each_way_is_correlated_alike(results):
    against = pd.Series({"d": 4.0, "c": 3.0, "b": 2.0, "a": 1.0})
    found = correlate_ways(results, ways("up", "gap"), against)
    assert list(found) == ["by up", "by gap"]
    families = MODELS.set_index("model")["family"]
    x, y = pd.Series([0.1, 0.3, 0.2, 0.4]), pd.Series([1.0, 2, 3, 4])
    assert found["by up"] == correlate(x, y, families, seed=results.study.seed)
    assert (found["by gap"].n, found["by gap"].families) == (3, 2)


def test_a_way_that_does_not_exist_is_refused(results):
    with pytest.raises(StudyError, match="unknown variant 'upp'; did you mean up"):
        correlate_ways(results, ways("upp"), pd.Series({"a": 1.0}))
