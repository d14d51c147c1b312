import os
import subprocess
import sys
from contextlib import suppress

import pytest
import torch

from cood.devices import (
    best_device,
    cuda_device,
    cuda_started,
    has_driver,
    is_full,
    without_gpu,
)

NO_COMMAND = "a-command-that-is-not-there"


def test_a_driver_is_found_by_its_file_or_its_command(tmp_path):
    (tmp_path / "driver").touch()
    there, missing = [tmp_path / "driver"], [tmp_path / "none"]
    assert has_driver([*missing, *there], NO_COMMAND, {})
    assert has_driver(missing, sys.executable, {})
    assert not has_driver(missing, NO_COMMAND, {})


@pytest.mark.parametrize(("visible", "found"), [("", False), ("-1", False), ("0", True)])
def test_a_hidden_gpu_is_none(tmp_path, visible, found):
    assert has_driver([tmp_path], NO_COMMAND, {"CUDA_VISIBLE_DEVICES": visible}) is found


@pytest.mark.parametrize("driver", [True, False])
@pytest.mark.parametrize("available", [True, False])
def test_the_gpu_is_used_where_torch_can(monkeypatch, driver, available):
    monkeypatch.setattr("cood.devices.has_driver", lambda: driver)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert best_device().type == ("cuda" if available else "cpu")
    assert cuda_device() == (torch.device("cuda") if driver and available else None)


@pytest.mark.parametrize("initialised", [True, False])
def test_the_gpu_is_started_once_torch_has_used_it(monkeypatch, initialised):
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: initialised)
    assert cuda_started() is initialised
    monkeypatch.delitem(sys.modules, "torch")
    assert not cuda_started()


@pytest.mark.parametrize("before", [None, "3"])
def test_a_gpu_is_hidden_for_a_while(monkeypatch, before):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if before:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", before)
    with suppress(KeyError), without_gpu():
        assert not has_driver(command=sys.executable)
        raise KeyError
    assert has_driver(command=sys.executable)
    assert os.environ.get("CUDA_VISIBLE_DEVICES") == before


def test_only_want_of_memory_is_a_full_gpu(monkeypatch):
    assert is_full(torch.OutOfMemoryError())
    assert not is_full(RuntimeError())
    monkeypatch.delitem(sys.modules, "torch")
    assert not is_full(RuntimeError())


def test_torch_is_not_imported_without_a_driver():
    program = (
        "import sys, cood.devices as devices\n"
        "devices.has_driver = lambda: False\n"
        "print(devices.cuda_device(), 'torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.split() == ["None", "False"]
