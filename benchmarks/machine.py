"""The machine in words, for the record beside a measurement."""

from __future__ import annotations

import os
import platform
from pathlib import Path

NOTABLE = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "asimd", "sve")


def describe() -> str:
    """Processor, cores, instruction sets, memory, accelerator."""
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    name, sets = _processor()
    words = [f"{name}, {cores} cores", f"with {', '.join(sets)}" if sets else platform.machine()]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
        words.append(f"{memory:.0f} GiB memory")
    words.append(f"{platform.system()}, Python {platform.python_version()}")
    words.append(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    if torch.cuda.is_available():
        words.append(torch.cuda.get_device_name())
    return "; ".join(words)


def _processor() -> tuple[str, list[str]]:
    """Its name, and those of its instruction sets that matter here."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or platform.machine(), []
    lines = {
        key.strip(): value.strip()
        for key, _, value in (line.partition(":") for line in info.read_text().splitlines())
    }
    flags = set((lines.get("flags") or lines.get("Features") or "").split())
    return lines.get("model name", platform.machine()), [f for f in NOTABLE if f in flags]


def load() -> float:
    """How many processes want a core: well above 0 before a measurement spoils it."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


if __name__ == "__main__":
    print(describe())
