"""The processes that train together: started by torchrun or Ray Train, or one process alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class Processes:
    """This process's role among those that train one model together.

    Attributes:
        rank: number of this process; process 0 writes files and validates.
        local_rank: its number on this machine, which is also the number of its GPU.
        world: number of processes.
        device: the device of this process.
    """

    def __init__(self) -> None:
        """Join the process group that the environment variables of torchrun describe, if any."""
        self.rank = int(os.environ.get("RANK", "0"))
        self.local_rank = int(os.environ.get("LOCAL_RANK", "0"))
        self.world = int(os.environ.get("WORLD_SIZE", "1"))
        self.device = torch.device(f"cuda:{self.local_rank}" if torch.cuda.is_available() else "cpu")
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)
        self._joined = False
        if self.world > 1 and not torch.distributed.is_initialized():
            torch.distributed.init_process_group("nccl" if self.device.type == "cuda" else "gloo")
            self._joined = True

    def shared(self, counts: Tensor) -> Tensor:
        """Return the mean of counts over all processes, at least as if they summed up to 1.

        Every process must call it, and the following methods, at the same point of its work.
        """
        return self._sum(counts.detach()).clamp(min=1) / self.world

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean of a value over all processes, without its gradient."""
        return self._sum(value.detach()) / self.world

    def any(self, flag: bool) -> bool:
        """Return whether the flag is set in any process."""
        return flag if self.world == 1 else bool(self._sum(torch.tensor(float(flag), device=self.device)))

    def from_first(self, read: Callable[[], Any]) -> Any:
        """Return the result of `read` in the first process; its error is raised in all processes."""
        if self.world == 1:
            return read()
        answer: list[Any] = [None, None]
        if self.rank == 0:
            try:
                answer[0] = read()
            except Exception as error:  # all processes must receive it, or they would wait for each other
                answer[1] = error
        torch.distributed.broadcast_object_list(answer)
        if answer[1] is not None:
            raise answer[1]
        return answer[0]

    def leave(self) -> None:
        """Leave the process group, if this object joined it."""
        if self._joined:
            torch.distributed.destroy_process_group()
            self._joined = False

    def _sum(self, value: Tensor) -> Tensor:
        if self.world > 1:
            value = value.clone()
            torch.distributed.all_reduce(value)
        return value
