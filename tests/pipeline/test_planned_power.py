import pytest
from typer.testing import CliRunner

from cood.analysis.stats.power import detectable, power
from cood.cli import app
from cood.pipeline.planned_power import power_text
from cood.settings.study_file import load_study


@pytest.fixture
def text(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)
    return lambda name: power_text(load_study(name).design)


def test_a_design_of_24_models_shows_large_effects_only(text):
    head, columns, first, *_, last = text("mini").splitlines()
    assert head.startswith("Power of a test with 24 models")
    assert columns.split()[-3:] == ["with", "power", "0.8"]
    assert first.split()[:4] == ["primary", "4", "correlation", "0"]
    expected = [
        *(power(r, 24, 0, 0.05 / 4) for r in (0.3, 0.5, 0.7)),
        detectable(0.8, 24, 0, 0.05 / 4),
    ]
    assert first.split()[4:] == [f"{number:.2f}" for number in expected]
    assert last.endswith("cannot be reached with 24 models.")


def test_a_factor_is_tested_given_the_other_columns_of_the_design(text):
    lines = text("lab").splitlines()
    (row,) = (line for line in lines if line.startswith("secondary") and "factor" in line)
    fixed = int(row.split()[6])
    assert fixed > 8
    assert row.split()[7] == f"{power(0.3, 200, fixed, 0.05 / 11):.2f}"
    assert lines[-1].endswith("with probability 0.77.")


def test_the_command_shows_it_where_there_is_a_design(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)
    mini, smoke = (
        CliRunner().invoke(app, ["plan", "--study", name]).output for name in ("mini", "smoke")
    )
    assert "Power of a test with 24 models" in mini
    assert "CPU hours" in smoke
    assert "Power" not in smoke
