"""What each metric of the registry must have; a message names the place where it is missing."""

import doctest
import importlib
import re
from pathlib import Path

import numpy as np
import pytest

import cood.metrics
from cood.metrics import METRICS, RANGES, SCORES, SLOW, TRACKED, metric_table
from cood.metrics.registry import GEOMETRY, OUTPUTS, REGISTRY, metric_label
from tests.metrics import test_reference

BOOK = Path(__file__).parents[2] / "book"
SECTIONS = ("Parameters", "Returns", "Raises", "References", "Examples")
MODULES = [
    importlib.import_module(f"tests.metrics.{file.stem}")
    for file in Path(__file__).parent.glob("test_*.py")
    if file != Path(__file__)
]
PUBLISHED = {row[0] for row in (*test_reference.EXACT, *test_reference.DRAWN)}

each = pytest.mark.parametrize("metric", REGISTRY, ids=lambda metric: metric.name)
pytestmark = pytest.mark.filterwarnings("ignore::cood.metrics.result.MetricWarning")


def test_the_lists_follow_from_the_registry():
    assert list(METRICS) == [metric.name for metric in REGISTRY]
    assert len(set(METRICS)) == len(REGISTRY)
    assert len({metric_label(name) for name in OUTPUTS}) == len(OUTPUTS)
    assert tuple(RANGES) == tuple(OUTPUTS)
    assert set(OUTPUTS) == {*SCORES, *(o.name for metric in GEOMETRY for o in metric.outputs)}
    assert len(set(SCORES)) == len(SCORES)
    assert set(TRACKED) | set(SLOW) <= set(METRICS)


@each
def test_its_function_can_be_imported_with_the_table(metric):
    name = metric.function.__name__
    assert getattr(cood.metrics, name, None) is metric.function, (
        f"cood/metrics/__init__.py: no {name} of {metric.function.__module__}"
    )
    assert name in cood.metrics.__all__


@each
def test_it_has_a_range(metric):
    for output in metric.outputs:
        place = f"cood/metrics/registry.py: the range of {output.name}"
        assert output.low < output.high, place


@each
@pytest.mark.parametrize("kind", ["aligned", "noisy", "one"])
def test_its_values_lie_in_its_range(metric, kind, geometry):
    codes, factors = geometry(kind, n=300, d=4)
    table = metric_table(codes, factors, metrics=[metric.name], nulls=("shuffled", "rotated"))
    for score, value, chance in table[["metric", "value", "chance"]].itertuples(index=False):
        low, high = RANGES[score]
        message = f"cood/metrics/registry.py: the range of {score} does not contain {value}"
        assert low - 1e-9 <= value <= high + 1e-9, message
        assert np.isnan(chance) or low - 1e-9 <= chance <= high + 1e-9, message


@each
def test_its_docstring_is_complete_and_on_its_page(metric):
    module, name = metric.function.__module__, metric.function.__name__
    place = f"{module.replace('.', '/')}.py: the docstring of {name}"
    for section in SECTIONS:
        assert re.search(rf"^ *{section}\n *-+$", metric.function.__doc__ or "", re.M), (
            f"{place} has no section {section}"
        )
    tests = doctest.DocTestFinder().find(importlib.import_module(module), module)
    assert any(test.name == f"{module}.{name}" and test.examples for test in tests), place
    page = (BOOK / "api" / "metrics.md").read_text()
    members = re.search(rf"automodule:: {re.escape(module)}\n   :members: (.+)", page)
    assert members, f"book/api/metrics.md: no automodule {module}"
    assert name in members[1].split(", "), f"book/api/metrics.md: {name} of {module}"


@each
def test_it_is_in_the_table_of_the_book(metric):
    rows = re.findall(r"^\| ([^|]+?) \|", (BOOK / "metrics.md").read_text(), re.MULTILINE)
    label = metric.outputs[0].label
    assert label in rows, f"book/metrics.md: no row {label!r} in the table of metrics"


@each
def test_it_has_a_reference(metric):
    """A published value, or a second implementation in a test module."""
    second = [m for m in MODULES if hasattr(m, f"reference_{metric.name}")]
    assert metric.function in PUBLISHED or second, (
        f"tests/metrics/test_reference.py: no published value of {metric.name}, and no test module "
        f"of tests/metrics has a function reference_{metric.name} to compare it with"
    )
