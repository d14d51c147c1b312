import pandas as pd
import pytest

from cood.analysis.results import Results
from cood.analysis.sensitivity import correlate_ways
from cood.analysis.stats.correlation import correlate
from cood.errors import StudyError
from cood.evaluation.common.score_table import complete

MODELS = pd.DataFrame({"model": list("abcd"), "family": ["x", "x", "y", "z"]})
KEYS = ["model", "query", "value"]


@pytest.fixture
def results(tiny):
    rows = [(m, "add", v) for m, v in zip("abcd", (0.1, 0.3, 0.2, 0.4), strict=True)]
    rows += [(m, "swap", v) for m, v in zip("abd", (0.5, 0.1, 0.3), strict=True)]
    fixed = {"set": "ao", "split": "unseen", "category": "all", "space": "image", "metric": "m"}
    numbers = {"low": 0.0, "high": 1.0, "chance": 0.1, "n": 5}
    return Results(tiny, complete(pd.DataFrame(rows, columns=KEYS), **fixed, **numbers), MODELS)


def ways(*queries):
    return {f"by {q}": {"metric": "m", "split": "unseen", "query": q} for q in queries}


def test_each_way_is_correlated_alike(results):
    against = pd.Series({"d": 4.0, "c": 3.0, "b": 2.0, "a": 1.0})
    found = correlate_ways(results, ways("add", "swap"), against)
    assert list(found) == ["by add", "by swap"]
    families = MODELS.set_index("model")["family"]
    x, y = pd.Series([0.1, 0.3, 0.2, 0.4]), pd.Series([1.0, 2, 3, 4])
    assert found["by add"] == correlate(x, y, families, seed=results.study.seed)
    assert (found["by swap"].n, found["by swap"].families) == (3, 2)


def test_a_way_that_does_not_exist_is_refused(results):
    with pytest.raises(StudyError, match="unknown query 'addd'; did you mean add"):
        correlate_ways(results, ways("addd"), pd.Series({"a": 1.0}))
