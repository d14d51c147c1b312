import numpy as np
import pandas as pd
from scipy.special import expit

from cood.analysis.stats.regression import diagnose, fit_line, mixed
from cood.report.regression_tables import checks


def written(in_distribution, shifted, families):
    line = fit_line(*(pd.Series(list(values)) for values in (in_distribution, shifted, families)))
    return checks(line, diagnose(line), mixed(line)).set_index("check")["found"]


def test_checks_name_models_and_families():
    rng = np.random.default_rng(0)
    x, family = rng.normal(size=40), np.arange(40) % 8
    y = 0.5 + 0.8 * x + rng.normal(0, 0.3, 8)[family] + rng.normal(0, 0.1, 40)
    y[7] += 5
    found = written(expit(x), expit(y), [f"f{i}" for i in family])
    assert found["line: slope"].endswith("]")
    assert found["largest distance of Cook"].endswith(", 7")
    assert found["slope without any one family"].count("(without f") == 2
    assert found["mixed model: deviation between families"].endswith(" logits")
    assert found["mixed model: what went wrong"] == "nothing"


def test_too_few_models_for_checks():
    found = written([0.2, 0.4], [0.1, 0.3], ["a", "b"])
    assert found["line: slope"].endswith("(no interval)")
    assert len(found) == 3
    assert found["mixed model: what went wrong"].startswith(
        "no mixed model of 2 models in 2 families"
    )


def test_no_line_at_all():
    found = written([np.nan] * 3, [0.1, 0.2, 0.3], "abc")
    assert found["line: slope"] == "not estimable"
    assert "no mixed model of 0 models" in found["mixed model: what went wrong"]


def test_models_on_the_line():
    x = np.linspace(-2, 2, 9)
    found = written(expit(x), expit(2 * x), "abcabcabc")
    assert found["line: slope"].startswith("2.00")
    assert "largest leverage" not in found
    assert found["mixed model: what went wrong"].endswith("in 3 families, all of them on the line")
