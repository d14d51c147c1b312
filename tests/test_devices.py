import subprocess
import sys

import pytest
import torch

from cood.devices import best_device, cuda_device, has_driver

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


def test_torch_is_not_imported_without_a_driver():
    program = (
        "import sys, cood.devices as devices\n"
        "devices.has_driver = lambda: False\n"
        "print(devices.cuda_device(), 'torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.split() == ["None", "False"]
