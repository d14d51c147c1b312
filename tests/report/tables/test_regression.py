import numpy as np
import pandas as pd
from scipy.special import expit

from cood.analysis.stats.regression import diagnose, fit_line, mixed
from cood.report.tables.regression import line_checks


def checks(in_distribution, shifted, families):
    line = fit_line(*(pd.Series(list(values)) for values in (in_distribution, shifted, families)))
    return line_checks(line, diagnose(line), mixed(line)).set_index("check")["result"]


def test_checks_name_models_and_families():
    rng = np.random.default_rng(0)
    x, family = rng.normal(size=40), np.arange(40) % 8
    y = 0.5 + 0.8 * x + rng.normal(0, 0.3, 8)[family] + rng.normal(0, 0.1, 40)
    y[7] += 5
    rows = checks(expit(x), expit(y), [f"f{i}" for i in family])
    assert rows["line: slope"].endswith("]")
    assert rows["largest Cook's distance"].endswith(", 7")
    assert rows["range of slopes without one family"].count("(without f") == 2
    assert rows["mixed model: standard deviation between families"].endswith(" logits")
    assert rows["mixed model: problems"] == "none"


def test_too_few_models_for_checks():
    rows = checks([0.2, 0.4], [0.1, 0.3], ["a", "b"])
    assert rows["line: slope"].endswith("(no interval)")
    assert len(rows) == 3
    assert rows["mixed model: problems"].startswith("no mixed model of 2 models in 2 families")


def test_no_line_at_all():
    rows = checks([np.nan] * 3, [0.1, 0.2, 0.3], "abc")
    assert rows["line: slope"] == "not estimable"
    assert "no mixed model of 0 models" in rows["mixed model: problems"]


def test_models_on_the_line():
    x = np.linspace(-2, 2, 9)
    rows = checks(expit(x), expit(2 * x), "abcabcabc")
    assert rows["line: slope"].startswith("2.00")
    assert "largest leverage" not in rows
    assert rows["mixed model: problems"].endswith("in 3 families, all of them on the line")
