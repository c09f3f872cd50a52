"""The widths of a crowd detector: the difference between a narrowed network and the stock one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from crowdmask.errors import ModelError

# Channels inside each of MobileNetV2's 17 blocks; the first has no expansion, so its number is the stem's.
_HIDDEN = (32, 96, 144, 144, *(192,) * 3, *(384,) * 4, *(576,) * 3, *(960,) * 3)
_SIZES = ((8.0, 13.0, 21.0), (32.0, 50.0, 76.0), (112.0, 180.0, 300.0))


@dataclass(frozen=True)
class Plan:
    """Widths and default boxes of a crowd detector.

    Attributes:
        hidden: channels inside each of the backbone's 17 blocks, the first being the stem's.
        neck: channels of the top-down path and of the towers.
        sizes: of the default boxes of each level (strides 8, 16, 32): the square root of their area, input
            pixels.
    """

    hidden: tuple[int, ...] = _HIDDEN
    neck: int = 96
    sizes: tuple[tuple[float, ...], ...] = _SIZES

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for the metadata of weights and for recipes."""
        return {
            "hidden": list(self.hidden),
            "neck": self.neck,
            "sizes": [list(level) for level in self.sizes],
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Plan:
        """Read what `to_dict` wrote; missing values are those of the stock network.

        Raises:
            ModelError: it is not a plan.
        """
        stock = cls()
        try:
            plan = cls(
                tuple(int(n) for n in value.get("hidden", stock.hidden)),
                int(value.get("neck", stock.neck)),
                tuple(tuple(float(s) for s in level) for level in value.get("sizes", stock.sizes)),
            )
        except (TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"not a plan of a network's widths: {value!r}") from error
        sides = [size for level in plan.sizes for size in level]
        levels = len(plan.sizes) == len(stock.sizes) and all(plan.sizes)
        if len(plan.hidden) != len(stock.hidden) or not levels:
            raise ModelError(f"a plan has {len(stock.hidden)} hidden widths and three levels of sizes")
        if min(*plan.hidden, plan.neck) < 1 or min(sides) <= 0:
            raise ModelError("the widths and sizes of a plan are above 0")
        return plan

    @classmethod
    def of_weights(cls, state: Mapping[str, Tensor], stated: Mapping[str, Any] | None) -> Plan:
        """Return the plan that the weights were trained with.

        Args:
            state: the tensors.
            stated: the plan in their file; None: the file is older than plans, so it is the stock one.
        Raises:
            ModelError: the tensors' shapes differ from the stated plan.
        """
        plan = cls() if stated is None else cls.from_dict(stated)
        for block, wide in enumerate(plan.hidden, 1):
            name = f"features.{block}.conv.0.0.weight"
            if name in state and state[name].shape[0] != wide:
                raise ModelError(f"{name} has {state[name].shape[0]} filters, its file says {wide}")
        return plan


STOCK = Plan()
