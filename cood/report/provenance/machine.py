"""The machine that runs this code."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

GB = 1e9
TIMEOUT = 4.0  # seconds that `gpus` waits for nvidia-smi
CPU_INFO = Path("/proc/cpuinfo")


def hardware() -> dict[str, Any]:
    """System, processor, number of cores, memory in GB, and names of the GPUs of this machine."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GB, 1),
        "gpus": [name for name, _ in gpus()],
    }


def processor() -> str:
    """Model of the processor; only its architecture where the system does not give the model."""
    if CPU_INFO.is_file():  # Linux, where `platform.processor` is empty or the architecture
        model = re.search(r"^model name\s*:\s*(.+)$", CPU_INFO.read_text(), re.MULTILINE)
        if model:
            return model[1].strip()
    return platform.processor() or platform.machine()


def gpus() -> list[tuple[str, float]]:
    """Name and memory in GB of each GPU that nvidia-smi lists; empty where there is none."""
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=TIMEOUT, check=True)
        rows = [line.rsplit(",", 1) for line in done.stdout.splitlines() if line.strip()]
        return [(name.strip(), float(memory) * 2**20 / GB) for name, memory in rows]
    except (OSError, ValueError, subprocess.SubprocessError):
        return []
