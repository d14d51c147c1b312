import os
from pathlib import Path

import pytest

from cood.report.provenance import machine


def test_gpus_as_nvidia_smi_lists_them(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA A100-SXM4-80GB, 81920'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    [(name, memory)] = machine.gpus()
    assert name == "NVIDIA A100-SXM4-80GB"
    assert memory == pytest.approx(85.9, abs=0.1)
    program.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'; exit 9\n")
    assert machine.gpus() == []
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(machine, "TIMEOUT", 0.2)
    assert machine.gpus() == []
    program.unlink()
    assert machine.gpus() == [] or Path("/usr/bin/nvidia-smi").exists()


def test_hardware(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "gpus", lambda: [("A100", 80.0)])
    found = machine.hardware()
    assert found["cores"] == os.cpu_count()
    assert found["memory_gb"] > 0.1
    assert found["gpus"] == ["A100"]
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nmodel name\t: A processor @ 2 GHz\nflags\t\t: fpu\n")
    monkeypatch.setattr(machine, "CPU_INFO", info)
    assert machine.processor() == "A processor @ 2 GHz"
    info.write_text("processor\t: 0\n")  # as on ARM
    assert machine.processor()
