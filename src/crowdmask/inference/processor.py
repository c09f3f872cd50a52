"""What this machine's processor can do: its instruction sets, and how it adds 8-bit products."""

from __future__ import annotations

import os
import platform

INT8_GUARD = "CROWDMASK_INT8_GUARD"
"""Environment variable: "on" or "off" overrides the processor's flags in deciding whether int8 is guarded."""

_WIDE = {"avx512_vnni", "avx_vnni"}


def adds_wide() -> bool:
    """Return whether this processor adds 8-bit products in 32 bits.

    ARM does, and x86 with VNNI. If that is not known, the answer is no.
    """
    if platform.machine().lower() in ("arm64", "aarch64"):
        return True
    return not _WIDE.isdisjoint(instructions())


def instructions() -> frozenset[str]:
    """Return the names of the processor's instruction sets, as Linux lists them; empty on other systems.

    psutil does not know them, so the system's own list is read.
    """
    try:
        with open("/proc/cpuinfo") as file:
            return frozenset(next((line for line in file if line.startswith("flags")), "").split())
    except OSError:
        return frozenset()


def describe() -> str:
    """Describe the processor for int8 networks; VNNI can halve their time."""
    machine = platform.machine() or "unknown"
    if machine.lower() in ("arm64", "aarch64"):
        return f"{machine}, adds 8-bit products in 32 bits"
    return f"{machine} with VNNI" if adds_wide() else f"{machine} without VNNI"


def guards_int8() -> bool:
    """Return whether a runtime must be told to add 8-bit products in 32 bits.

    Otherwise a processor without VNNI adds them in 16 bits, which overflow. `INT8_GUARD` decides first, so
    so both ways can be tested on one machine.
    """
    forced = os.environ.get(INT8_GUARD, "").lower()
    return forced == "on" if forced in ("on", "off") else not adds_wide()
