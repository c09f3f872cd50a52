"""The training loop: one process on CPU or CUDA, or several under torchrun."""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from crowdmask.cores import logical_cores
from crowdmask.data.sample import Sample
from crowdmask.errors import DataError, DivergedError, ModelError, OutputError
from crowdmask.files import write_text
from crowdmask.inference.processor import instructions
from crowdmask.models.detector import DetectionModel, Raw
from crowdmask.training.batches import Batch, Batches, validation_batches
from crowdmask.training.checkpoint import data_digest, load_checkpoint, save_checkpoint
from crowdmask.training.ema import AverageModel
from crowdmask.training.processes import Processes
from crowdmask.training.recipe import Recipe
from crowdmask.training.teacher import Learner, Shown, Teacher

_LOG_EVERY = 20


@dataclass(frozen=True)
class Progress:
    """The state of a run, for a progress bar."""

    step: int
    steps: int
    images_per_s: float
    losses: dict[str, float]
    validation: dict[str, float] | None = None


class Trainer:
    """One run of one recipe in one folder.

    The folder contains ``checkpoint.pt``, ``history.jsonl`` and TensorBoard's files. A killed
    run continues from its checkpoint: each crop depends only on the seed and its number.
    """

    def __init__(
        self,
        recipe: Recipe,
        model: DetectionModel,
        train: list[Sample],
        val: list[Sample],
        folder: Path,
        teacher: DetectionModel | None = None,
    ) -> None:
        """Prepare, or continue from the folder's checkpoint.

        Args:
            recipe: the run.
            model: with the weights to start from.
            train, val: at least one photo each.
            folder: of the run; created if missing.
            teacher: its output is learned in addition to the labels.
        Raises:
            DataError: the recipe does not fit the model, or the folder contains another run.
            ModelError: the checkpoint is damaged.
            OutputError: the folder cannot be written to.
        """
        if model.input_spec.resize == "fit" and recipe.crop_px % model.input_spec.multiple:
            raise DataError(f"crop_px is {recipe.crop_px}, not a multiple of {model.input_spec.multiple}")
        self.recipe = recipe
        self.folder = folder
        self.processes = processes = Processes()
        self.rank, self.world, self.device = processes.rank, processes.world, processes.device
        random.seed(recipe.seed)
        torch.manual_seed(recipe.seed)
        self.half = recipe.precision == "bfloat16" or (
            recipe.precision == "auto" and _fast_bfloat16(self.device)
        )
        self.model = model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = AverageModel(self.model, recipe.ema_decay)
        self.frozen = self._freeze()
        self.optimizer = torch.optim.AdamW(self._groups(), lr=recipe.learning_rate, betas=(0.9, 0.99))
        self.network: nn.Module = Learner(self.model)
        self.teacher = Teacher(teacher, self.model).to(self.device) if teacher else None
        if self.world > 1:
            if self.device.type == "cuda" and not recipe.frozen_norms:
                nn.SyncBatchNorm.convert_sync_batchnorm(self.network)  # type: ignore[no-untyped-call]
            ids = [processes.local_rank] if self.device.type == "cuda" else None
            self.network = nn.parallel.DistributedDataParallel(self.network, device_ids=ids)
        # A GPU waits for crops, a CPU for the network; the crops do not depend on the number of threads.
        share = logical_cores() // self.world
        self.batches = Batches(
            train,
            recipe,
            model.input_spec,
            threads=max(2, min(16, share)) if self.device.type == "cuda" else 2,
            world=self.world,
        )
        self.data = data_digest(train)
        self.step = 0
        self._resume()
        self.validation = validation_batches(val, recipe, model.input_spec) if self.rank == 0 else []

    def run(self, until: int | None = None) -> Iterator[Progress]:
        """Train to the end (or to step `until`), yielding after every step."""
        recipe = self.recipe
        last = min(until or recipe.steps, recipe.steps)
        numbers = [step * self.world + self.rank for step in range(self.step, last)]
        if not numbers:
            return
        with self._log() as log:
            started, window = time.monotonic(), []
            for batch in self.batches.iterate(numbers):
                losses = self._learn(batch)
                self.step += 1
                self.average.update(self.model, self.step)
                window.append(losses)
                now = time.monotonic()
                speed = recipe.batch_size * self.world / max(1e-6, now - started)
                started = now
                validation = None
                if self.rank == 0:
                    if self.step % _LOG_EVERY == 0 or self.step == last:
                        log("train", _mean(window), speed)
                        window = []
                    if self.step % recipe.validate_every == 0 or self.step == recipe.steps:
                        validation = self.validate()
                        log("val", validation, speed)
                        started = time.monotonic()
                    if self.step % recipe.checkpoint_every == 0 or self.step == last:
                        self.save()
                yield Progress(self.step, recipe.steps, speed, losses, validation)

    def save(self) -> None:
        """Write the checkpoint; it is only valid between two steps.

        Raises:
            OutputError: it cannot be written.
        """
        if self.rank:
            return
        state = {
            "digest": self.recipe.digest,
            "data": self.data,
            "step": self.step,
            "model": self.model.state_dict(),
            "average": self.average.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        save_checkpoint(self.folder / "checkpoint.pt", state)

    def leave(self) -> None:
        """Leave the process group, if any, after all processes have trained to the end."""
        self.processes.leave()

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Return the averaged weights' losses on the fixed crops of val."""
        results = []
        for batch in self.validation:
            with self._autocast():
                shown, targets, size = self._forward(Learner(self.average.model), batch)
            raw = _in_full(shown.raw)
            results.append({k: float(v) for k, v in self.model.loss(raw, targets, size).items()})
        mean = _mean(results)
        return {**mean, "total": sum(mean.values())}

    def _learn(self, batch: Batch) -> dict[str, float]:
        self.model.train()
        for layer in self.frozen:
            layer.eval()
        if self.recipe.frozen_norms:
            for module in self.model.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        rate = self._rate()
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        self.optimizer.zero_grad(set_to_none=True)
        parts = list(_parts(batch, self.recipe.at_once))
        rows = []
        for part in parts:
            with self._autocast():
                shown, targets, size = self._forward(self.network, part)
            losses = self.model.loss(_in_full(shown.raw), targets, size, self.processes.shared)
            if self.teacher is not None and size[0] <= self.recipe.crop_px:
                # Not for the larger crops: the teacher has no boxes for their large faces.
                with self._autocast():
                    theirs = self.teacher.show(self._pictures(part))
                taught = self.teacher.loss(theirs, shown, size, self.processes)
                losses["teacher"] = taught * self.recipe.teacher_weight
            total = torch.stack(list(losses.values())).sum()
            # All processes must end in this case, or the others would wait for this one.
            if not torch.isfinite(self.processes.mean(total)):
                raise DivergedError(
                    f"the loss is not finite at step {self.step}: lower the recipe's learning_rate"
                )
            share = len(part[1]) / len(batch[1])
            (total * share).backward()  # type: ignore[no-untyped-call]
            rows.append({k: float(v.detach()) * share for k, v in losses.items()})
        nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip_norm)
        self.optimizer.step()
        summed = torch.tensor([sum(row[name] for row in rows) for name in rows[0]], device=self.device)
        mean = dict(zip(rows[0], self.processes.mean(summed).tolist(), strict=True))
        return {**mean, "total": sum(mean.values())}

    def _forward(
        self, network: nn.Module, batch: Batch
    ) -> tuple[Shown, list[dict[str, Tensor]], tuple[int, int]]:
        pictures = self._pictures(batch)
        on_device = [{k: v.to(self.device) for k, v in target.items()} for target in batch[1]]
        return network(pictures), on_device, (pictures.shape[3], pictures.shape[2])

    def _pictures(self, batch: Batch) -> Tensor:
        return batch[0].to(self.device, memory_format=torch.channels_last, non_blocking=True)

    def _autocast(self) -> Any:
        if not self.half:
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def _rate(self) -> float:
        """Return the learning rate of this step: a linear warm-up, then half a cosine."""
        recipe = self.recipe
        if self.step < recipe.warmup_steps:
            return recipe.learning_rate * (self.step + 1) / recipe.warmup_steps
        part = (self.step - recipe.warmup_steps) / max(1, recipe.steps - recipe.warmup_steps)
        low = recipe.final_rate
        return recipe.learning_rate * (low + (1 - low) * (1 + math.cos(math.pi * part)) / 2)

    def _freeze(self) -> list[nn.Module]:
        features: Any = self.model.features
        if self.recipe.frozen_layers > len(features):
            raise DataError(
                f"frozen_layers is {self.recipe.frozen_layers}, but there are {len(features)} layers"
            )
        frozen = [features[i] for i in range(self.recipe.frozen_layers)]
        for layer in frozen:
            layer.requires_grad_(False)
        self._freeze_all_but(self.recipe.learns)
        return frozen

    def _freeze_all_but(self, parts: tuple[str, ...]) -> None:
        """Freeze the weights outside these parts; without parts none.

        Raises:
            DataError: the model has no such part.
        """
        names = [name for name, _ in self.model.named_parameters()]
        for part in parts:
            if not any(_within(name, part) for name in names):
                raise DataError(f"`learns` names {part!r}, but the model has no such part")
        for name, parameter in self.model.named_parameters():
            if parts and not any(_within(name, part) for part in parts):
                parameter.requires_grad_(False)

    def _groups(self) -> list[dict[str, Any]]:
        """Group the parameters: the backbone learns slower; biases and normalisation do not decay."""
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad:
                factor = self.recipe.backbone_rate if name.startswith("features.") else 1.0
                decay = self.recipe.weight_decay if parameter.ndim > 1 else 0.0
                groups.setdefault((factor, decay), []).append(parameter)
        return [
            {"params": parameters, "factor": factor, "weight_decay": decay}
            for (factor, decay), parameters in groups.items()
        ]

    def _resume(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make the run's folder {self.folder}: {error.strerror}") from error
        # Other machines need not have access to the folder.
        state = self.processes.from_first(lambda: load_checkpoint(self.folder / "checkpoint.pt"))
        if state is None:
            return
        if state["digest"] != self.recipe.digest:
            raise DataError(
                f"{self.folder} holds a run of another recipe (or of an earlier state of this one): "
                "give another `run_folder`, or delete it"
            )
        if state.get("data", self.data) != self.data:
            raise DataError(
                f"{self.folder} holds a run on other photos or annotations: "
                "give another `run_folder`, or delete it"
            )
        try:
            self.model.load_state_dict(state["model"])
            self.average.model.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError, KeyError) as error:
            raise ModelError(
                f"the checkpoint in {self.folder} is of another version of the model '{self.recipe.model}': "
                "give another `run_folder`, or delete it"
            ) from error
        self.step = int(state["step"])

    @contextmanager
    def _log(self) -> Iterator[Any]:
        if self.rank:
            yield lambda *_: None
            return
        from torch.utils.tensorboard import SummaryWriter

        history = self.folder / "history.jsonl"
        with _as_output_error(history):
            _cut_history(history, self.step)
            board = SummaryWriter(str(self.folder), purge_step=self.step + 1)

        def log(kind: str, losses: dict[str, float], speed: float) -> None:
            row = {"step": self.step, "kind": kind, "images_per_s": round(speed, 2), **losses}
            with _as_output_error(history):
                with history.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
                for name, value in losses.items():
                    board.add_scalar(f"{name}/{kind}", value, self.step)
                board.add_scalar("rate", self._rate(), self.step)

        try:
            yield log
        finally:
            # A write error must not hide the error that ends the run.
            with suppress(OSError):
                board.close()


def _within(name: str, part: str) -> bool:
    """Return whether a parameter belongs to a part of the model, by its name."""
    return name == part or name.startswith(f"{part}.")


def _in_full(raw: Raw) -> Raw:
    return Raw(raw.logits.float(), raw.deltas.float())


def _parts(batch: Batch, size: int) -> Iterator[Batch]:
    """Yield a batch in parts of `size` crops, whole with 0; never one crop alone, which has no statistics."""
    pictures, targets = batch
    count = max(1, len(targets) // size) if size else 1
    for part in np.array_split(np.arange(len(targets)), count):
        yield pictures[part[0] : part[-1] + 1], targets[part[0] : part[-1] + 1]


def read_history(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of a run's ``history.jsonl``: step, kind (train or val), losses."""
    path = folder / "history.jsonl"
    if not path.is_file():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        # A kill can leave an incomplete line.
        with suppress(json.JSONDecodeError):
            rows.append(json.loads(line))
    return rows


def _cut_history(path: Path, step: int) -> None:
    """Remove log lines after the checkpoint: those steps are run again."""
    if path.is_file():
        rows = [row for row in read_history(path.parent) if row["step"] <= step]
        write_text(path, "".join(json.dumps(row) + "\n" for row in rows))


@contextmanager
def _as_output_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def _mean(rows: list[dict[str, float]]) -> dict[str, float]:
    """Return the mean of each loss over the steps that contain it."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}


def _fast_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is faster than float32 here: on CPUs only with instructions for it."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return not instructions().isdisjoint(("avx512_bf16", "amx_bf16"))
