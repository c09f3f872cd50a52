"""What the processor of this machine can do: its instructions, and how it adds 8-bit products."""

from __future__ import annotations

import os
import platform

INT8_GUARD = "CROWDMASK_INT8_GUARD"
"""Environment variable: "on" or "off" decides instead of the processor's flags whether int8 is guarded."""

_WIDE = {"avx512_vnni", "avx_vnni"}


def adds_wide() -> bool:
    """Say whether this processor adds 8-bit products in 32 bits.

    ARM does, and x86 with VNNI. Where it cannot be told, the answer is no.
    """
    if platform.machine().lower() in ("arm64", "aarch64"):
        return True
    return not _WIDE.isdisjoint(instructions())


def instructions() -> frozenset[str]:
    """Return the names of the processor's instruction sets, as Linux tells them; empty where it does not."""
    try:
        with open("/proc/cpuinfo") as file:
            return frozenset(next((line for line in file if line.startswith("flags")), "").split())
    except OSError:
        return frozenset()


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
