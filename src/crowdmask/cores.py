"""How many processor cores this process may use, on every system."""

from __future__ import annotations

import psutil

_UNLIMITED = 1 << 16


def logical_cores() -> int:
    """Count the logical cores (hardware threads) that this process may use, at least 1."""
    return max(1, min(len(_allowed()), _granted_cores()))


def physical_cores() -> int:
    """Count the physical cores that this process may use, at least 1.

    A second thread on the same core slows the network down, and so do more threads than the
    container's quota.
    """
    allowed = _allowed()
    siblings = set()
    for cpu in allowed:
        try:
            with open(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") as file:
                siblings.add(file.read().strip())
        except OSError:  # not Linux: psutil knows only how many physical cores the machine has
            return max(
                1, min(len(allowed), psutil.cpu_count(logical=False) or len(allowed), _granted_cores())
            )
    return max(1, min(len(siblings), _granted_cores()))


def _allowed() -> list[int]:
    """Return the numbers of the logical cores that the system lets this process use."""
    process = psutil.Process()
    if hasattr(process, "cpu_affinity"):  # not on macOS
        return list(process.cpu_affinity())
    return list(range(psutil.cpu_count() or 1))


def _granted_cores() -> int:
    """Return the number of cores that the control group's CPU quota allows; without a quota a huge number."""
    try:
        with open("/sys/fs/cgroup/cpu.max") as file:
            quota, period = file.read().split()
        return max(1, round(int(quota) / int(period)))
    except (OSError, ValueError):
        return _UNLIMITED
