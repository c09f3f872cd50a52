"""Prune a trained crowd detector: keep the important hidden channels, refit the following layers.

Each block of the backbone filters its hidden channels separately and then mixes them. The importance of a
channel is the error of the mix without it after the other weights have been refitted, so channels are removed
a few at a time, the least important first (Hassibi and Stork, Optimal Brain Surgeon, 1993, with whole
channels instead of weights). Blocks are narrowed from the input on, and each is fitted to the original
network's output at that point, so it also compensates for the blocks before it. Then the first layers are
trained for a while with the original ones as the teacher, on small crops: they take most of the time, in
training and in use, and a run that keeps them frozen afterwards has half the work.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from crowdmask.errors import ModelError
from crowdmask.models.crowd import Crowd
from crowdmask.models.plan import Plan

# Number of sampled positions for each picture and map.
_PLACES = 2048
_RIDGE = 1e-4
# One channel in this many is removed before the importance of the others is computed again.
_AT_ONCE = 20


@torch.no_grad()
def narrowed(model: Crowd, plan: Plan, pictures: Sequence[Tensor]) -> Crowd:
    """Return a narrower model, with each block fitted to the output of the original one.

    Args:
        model: trained, on the CPU.
        plan: of the narrower model: no hidden width above the original's, the same neck, and for each
            level the original's default boxes, possibly with additional ones at the end.
        pictures: batches (B, 3, H, W) of pixels 0 to 255 for the fit.
    Raises:
        ModelError: the plan is not narrower.
    """
    assert model.plan is not None
    _check(model.plan, plan)
    whole = copy.deepcopy(model).eval()
    small = Crowd(plan).eval()
    _copy_rest(whole, small)
    if plan.hidden == model.plan.hidden:
        # Only default boxes are added: nothing is to be fitted, and the rest stays as it is.
        return small
    before = [whole.normalise(batch) for batch in pictures]
    mine = [batch.clone() for batch in before]
    generator = torch.Generator().manual_seed(0)
    features: Any = whole.features
    narrow: Any = small.features
    stem_out = [features[0](x) for x in before]
    for index in range(1, len(features)):
        block, thin = features[index], narrow[index]
        inputs = stem_out if index == 1 else before
        after = [block(x) for x in inputs]
        keep = _choose(block, inputs, plan.hidden[index - 1], generator)
        if index == 1:
            _take(features[0], narrow[0], keep)
            mine = [narrow[0](x) for x in mine]
        _take_block(block, thin, keep)
        targets = [y - x if block.residual else y for x, y in zip(mine, after, strict=True)]
        _fit(thin, mine, targets, generator)
        if index in (7, 14):
            _narrow_lateral(small, whole, index, keep)
        mine = [thin(x) for x in mine]
        before = after
    return small


def _check(whole: Plan, small: Plan) -> None:
    if any(a < b for a, b in zip(whole.hidden, small.hidden, strict=True)) or whole.neck != small.neck:
        raise ModelError("the plan is not narrower than the weights to start from, or has another neck")
    if any(small_[: len(whole_)] != whole_ for whole_, small_ in zip(whole.sizes, small.sizes, strict=True)):
        raise ModelError("the plan lacks default boxes of the weights to start from; it may only add some")


def _copy_rest(whole: Crowd, small: Crowd) -> None:
    """Copy everything that keeps its shape; additional boxes start with the weights of the last box."""
    own = small.state_dict()
    for name, value in whole.state_dict().items():
        if own[name].shape == value.shape:
            own[name].copy_(value)
        elif name.startswith(("judge.", "locate.")):
            values = value.shape[0] // len(whole.grid.shapes[int(name.split(".")[1])])
            own[name][: len(value)] = value
            for start in range(len(value), len(own[name]), values):
                own[name][start : start + values] = value[-values:]


def _hidden(block: nn.Module, x: Tensor) -> Tensor:
    """Return the input of the block's last convolution."""
    layers: Any = block.conv
    for layer in layers[:-2]:
        x = layer(x)
    return x


def _sampled(value: Tensor, places: Tensor) -> Tensor:
    return value.flatten(2).transpose(1, 2).flatten(0, 1)[places].double()


def _rows(
    block: nn.Module, inputs: list[Tensor], targets: list[Tensor] | None, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return hidden activations (N, C) and targets (N, O) at random positions; None: the block's output."""
    mixed, wanted = [], []
    layers: Any = block.conv
    for index, x in enumerate(inputs):
        hidden = _hidden(block, x)
        target = targets[index] if targets is not None else layers[-1](layers[-2](hidden))
        count = hidden.shape[0] * hidden.shape[2] * hidden.shape[3]
        places = torch.randint(count, (min(count, _PLACES * len(x)),), generator=generator)
        mixed.append(_sampled(hidden, places))
        wanted.append(_sampled(target, places))
    return torch.cat(mixed), torch.cat(wanted)


def _choose(block: nn.Module, inputs: list[Tensor], count: int, generator: torch.Generator) -> Tensor:
    """Return the indices of the hidden channels to keep, in increasing order."""
    hidden, wanted = _rows(block, inputs, None, generator)
    channels = hidden.shape[1]
    if count == channels:
        return torch.arange(channels)
    hidden = hidden - hidden.mean(0)
    wanted = wanted - wanted.mean(0)
    wanted = wanted / wanted.std(0).clamp(min=1e-6)
    gram = hidden.T @ hidden / len(hidden)
    gram += torch.eye(channels, dtype=gram.dtype) * _RIDGE * gram.diagonal().mean()
    cross = hidden.T @ wanted / len(hidden)
    kept = torch.arange(channels)
    while len(kept) > count:
        inverse = torch.linalg.inv(gram[kept][:, kept])
        weight = inverse @ cross[kept]
        cost = weight.square().sum(1) / inverse.diagonal()
        # A few at once: removing so few hardly changes the importance of the others.
        dropped = min(len(kept) - count, max(1, len(kept) // _AT_ONCE))
        kept = kept[cost.argsort()[dropped:].sort().values]
    return kept


def _take(layer: Any, thin: Any, keep: Tensor) -> None:
    """Copy the kept filters of a convolution and its normalisation."""
    for wide, narrow in zip(layer, thin, strict=True):
        for name, value in narrow.state_dict().items():
            given = wide.state_dict()[name]
            value.copy_(given if given.ndim == 0 else given[keep])


def _take_block(block: Any, thin: Any, keep: Tensor) -> None:
    for wide, narrow in zip(block.conv[:-2], thin.conv[:-2], strict=True):
        _take(wide, narrow, keep)
    thin.conv[-2].weight.copy_(block.conv[-2].weight[:, keep])
    thin.conv[-1].load_state_dict(block.conv[-1].state_dict())


def _fit(thin: Any, inputs: list[Tensor], targets: list[Tensor], generator: torch.Generator) -> None:
    """Fit the block's last convolution to the targets by least squares with an intercept."""
    hidden, wanted = _rows(thin, inputs, targets, generator)
    mean_hidden, mean_wanted = hidden.mean(0), wanted.mean(0)
    hidden, wanted = hidden - mean_hidden, wanted - mean_wanted
    gram = hidden.T @ hidden / len(hidden)
    gram += torch.eye(len(gram), dtype=gram.dtype) * _RIDGE * gram.diagonal().mean()
    weight = torch.linalg.solve(gram, hidden.T @ wanted / len(hidden))
    mix, norm = thin.conv[-2], thin.conv[-1]
    # The scale of the following normalisation is divided out of the weights, and its shift is set to the
    # intercept.
    factor = (norm.weight / (norm.running_var + norm.eps).sqrt()).double()
    factor = torch.where(factor.abs() < 1e-4, torch.full_like(factor, 1e-4), factor)
    mix.weight.copy_((weight.T / factor[:, None])[:, :, None, None].float())
    centre = (mix.weight[:, :, 0, 0].double() @ mean_hidden - norm.running_mean.double()) * factor
    norm.bias.copy_((mean_wanted - centre).float())


def _narrow_lateral(small: Crowd, whole: Crowd, index: int, keep: Tensor) -> None:
    """Adapt the layers that read a block's hidden channels to the kept ones."""
    lateral: Any = small.lateral[0 if index == 7 else 1]
    given: Any = whole.lateral[0 if index == 7 else 1]
    lateral[0].weight.copy_(given[0].weight[:, keep])
    lateral[1].load_state_dict(given[1].state_dict())


def taught_first_layers(
    small: Crowd, whole: Crowd, layers: int, batches: Iterable[Tensor], rate: float = 2e-3, steps: int = 1
) -> list[float]:
    """Train the first layers with the original network as the teacher; normalisation keeps its statistics.

    Args:
        small: changed in place.
        whole: the original network, used as the teacher.
        layers: number of first layers of the backbone.
        batches: (B, 3, H, W) pixels, `steps` of them.
        rate: the initial learning rate; it falls linearly to 0.
        steps: number of batches.
    Returns:
        The loss of each step: the squared difference, relative to each channel's variance.
    """
    theirs: Any = whole.features[:layers]
    theirs = theirs.eval().to(memory_format=torch.channels_last)
    mine: Any = small.features[:layers]
    mine = mine.eval().to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(mine.parameters(), lr=rate, betas=(0.9, 0.99))
    losses = []
    for step, batch in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 10) * max(0.02, 1 - step / steps)
        x = whole.normalise(batch).to(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                wanted = theirs(x)
            given = mine(x)
        wanted, given = wanted.float(), given.float()
        spread = wanted.var((0, 2, 3), keepdim=True).clamp(min=1e-3)
        loss = ((given - wanted).square() / spread).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses
