"""What the processor of this machine can do: its cores, and how it adds 8-bit products."""

from __future__ import annotations

import os
import platform

INT8_GUARD = "CROWDMASK_INT8_GUARD"
"""Environment variable: "on" or "off" decides instead of the processor's flags whether int8 is guarded."""

_WIDE = {"avx512_vnni", "avx_vnni"}


def physical_cores() -> int:
    """Count the physical cores that this process may use, at least 1.

    A second thread on one core slows this arithmetic down; so do more threads than a container is
    granted.
    """
    try:
        allowed = os.sched_getaffinity(0)
    except AttributeError:  # not on macOS and Windows
        return max(1, os.cpu_count() or 1)
    siblings = set()
    for cpu in allowed:
        try:
            with open(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") as file:
                siblings.add(file.read().strip())
        except OSError:
            siblings.add(str(cpu))
    return max(1, min(len(siblings), _granted_cores()))


def adds_wide() -> bool:
    """Say whether this processor adds 8-bit products in 32 bits.

    ARM does, and x86 with VNNI. Where it cannot be told, the answer is no.
    """
    if platform.machine().lower() in ("arm64", "aarch64"):
        return True
    try:
        with open("/proc/cpuinfo") as file:
            flags = next((line for line in file if line.startswith("flags")), "").split()
    except OSError:
        return False
    return not _WIDE.isdisjoint(flags)


def describe() -> str:
    """Say what kind of processor this is to int8 networks; their times differ as much as twofold by it."""
    machine = platform.machine() or "unknown"
    if machine.lower() in ("arm64", "aarch64"):
        return f"{machine}, adds 8-bit products in 32 bits"
    return f"{machine} with VNNI" if adds_wide() else f"{machine} without VNNI"


def guards_int8() -> bool:
    """Say whether a runtime must be told to add 8-bit products in 32 bits.

    Otherwise a processor without VNNI adds them in 16 bits, which overflow. `INT8_GUARD` decides first, so
    that both ways can be tested on one machine.
    """
    forced = os.environ.get(INT8_GUARD, "").lower()
    return forced == "on" if forced in ("on", "off") else not adds_wide()


def _granted_cores() -> int:
    """Return the whole cores of the control group's quota, many where there is none."""
    try:
        with open("/sys/fs/cgroup/cpu.max") as file:
            quota, period = file.read().split()
        return max(1, round(int(quota) / int(period)))
    except (OSError, ValueError):
        return 1 << 16
