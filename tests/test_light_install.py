"""`pip install .` brings NumPy, SciPy and pandas, and metrics need nothing else."""

import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CORE = {"numpy", "scipy", "pandas"}
THEIRS = {"python-dateutil", "six", "pytz", "tzdata"}  # what pandas needs itself
BLOCK = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
"""
DATA = """
import numpy as np
factors = np.array([[a, o] for a in range(4) for o in range(4)] * 8)
codes = factors + 0.1 * np.random.default_rng(0).standard_normal(factors.shape)
"""


@cache
def blocked():
    """Modules of all installed packages but those of the light install."""
    ours = CORE | THEIRS | {"cood"}
    modules = metadata.packages_distributions().items()
    return {name for name, packages in modules if not ours & names(packages)}


def light(program):
    """Run a program where only the packages of the light install can be imported."""
    text = f"BLOCKED = {blocked()}{BLOCK}{program}"
    command = [sys.executable, "-W", "error", "-c", text]
    return subprocess.run(command, capture_output=True, text=True)


def names(requirements):
    return {re.match(r"[\w.-]+", text)[0].lower().replace("_", "-") for text in requirements}


def test_the_core_is_three_packages():
    assert names(PROJECT["dependencies"]) == CORE
    extras = PROJECT["optional-dependencies"]
    assert {"study", "scikit-learn"} <= set(extras)
    assert names(extras["scikit-learn"]) == {"scikit-learn"} <= names(extras["study"])
    assert not names(extras["study"]) & CORE


def test_all_that_a_report_is_made_with_is_pinned():
    locked = names((ROOT / "requirements.lock").read_text().splitlines())
    needed = names(PROJECT["dependencies"]) | names(PROJECT["optional-dependencies"]["study"])
    assert needed <= locked


def test_conda_installs_what_a_study_needs():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (pip,) = (entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    assert {"-r requirements.lock", "-e .[study]"} <= set(pip)


def test_there_is_something_to_block():
    assert {"sklearn", "torch", "yaml", "pydantic", "typer"} <= blocked()


def test_every_metric_is_computed():
    done = light(
        DATA + "import pkgutil, importlib, cood.metrics\n"
        "for module in pkgutil.iter_modules(cood.metrics.__path__, 'cood.metrics.'):\n"
        "    if module.name != 'cood.metrics.on_device':\n"  # for tensors of torch
        "        importlib.import_module(module.name)\n"
        "from cood.metrics import metric_table\n"
        "table = metric_table(codes, factors, folds=2, repeats=1, nulls=['shuffled', 'rotated'])\n"
        "assert table['value'].notna().all()\n"
        "print(table)\n"
    )
    assert done.returncode == 0, done.stderr
    assert "dci_disentanglement" in done.stdout


@pytest.mark.parametrize(
    ("call", "option", "package"),
    [
        ("dci(codes, factors, model='gradient boosting')", "model: 'gradient ", "scikit-learn"),
        ("dci(codes, factors, model='xgboost')", "model: 'xgboost'", "xgboost-cpu"),
        ("sap(codes, factors, classifier='svm')", "classifier: 'svm'", "scikit-learn"),
        (
            "explicitness(codes, factors, classifier='logistic')",
            "classifier: 'logistic'",
            "scikit-learn",
        ),
        (
            "z_diff(codes, factors, classifier='logistic')",
            "classifier: 'logistic'",
            "scikit-learn",
        ),
    ],
)
def test_an_option_names_the_package_that_it_needs(call, option, package):
    done = light(f"{DATA}from cood.metrics import dci, explicitness, sap, z_diff\n{call}\n")
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"ImportError: {option}")
    assert last.endswith(f"needs {package}: pip install {package}")


@pytest.mark.parametrize("arguments", [["evaluate", "x", "--images", "y"], ["plan"], ["--help"]])
def test_a_command_says_what_to_install(arguments):
    done = light(
        f"import runpy\nsys.argv = ['cood', *{arguments}]\n"
        "runpy.run_module('cood', run_name='__main__')\n"
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert re.fullmatch(
        r"cood: the package \w+ is not installed; in a clone of cood, run "
        r"pip install '\.\[study\]'\n",
        done.stderr,
    )


@pytest.mark.parametrize("name", ["evaluate", "score"])
def test_what_needs_more_says_what_to_install(name):
    done = light(f"import cood\ncood.{name}\n")
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"ImportError: cood.{name}: the package ")
    assert last.endswith("pip install '.[study]'")


def test_a_package_that_is_missing_later_costs_a_sentence_too(monkeypatch, capsys):
    from cood.cli import main

    def lacking(package):
        def load_study(study):
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)

        monkeypatch.setattr("cood.cli.make.load_study", load_study)

    lacking("faiss")
    assert main(["plan"]) == 1
    assert capsys.readouterr().err.startswith("cood plan: the package faiss is not installed; ")
    lacking("cood.fault")
    with pytest.raises(ModuleNotFoundError):  # a fault of the code stays one
        main(["plan"])
