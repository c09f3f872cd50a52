from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

import torch

from crowdmask.models.mobilenet_v2 import InvertedResidual, conv_bn_relu6, feature_layers
from crowdmask.models.pretrained import FILE_NAME, imagenet_weights, load_backbone
from crowdmask.paths import cache_folder


def test_the_parameters_are_as_many_as_published():
    """torchvision's whole network has 3,504,872, of which the classifier takes 1,281,000."""
    assert sum(p.numel() for p in feature_layers(last=True).parameters()) == 3_504_872 - 1_281_000


@pytest.mark.parametrize(
    "name",
    [
        "0.0.weight",
        "0.1.running_mean",
        "1.conv.0.0.weight",
        "1.conv.1.weight",
        "1.conv.2.bias",
        "2.conv.0.0.weight",
        "2.conv.1.1.running_var",
        "17.conv.3.weight",
        "18.0.weight",
        "18.1.num_batches_tracked",
    ],
)
def test_the_names_are_torchvisions(name):
    assert name in feature_layers(last=True).state_dict()


@pytest.mark.parametrize("last", [True, False])
def test_the_imagenet_file_fits(last):
    if not (cache_folder() / FILE_NAME).is_file():
        pytest.skip("the ImageNet weights were not fetched on this machine")
    weights = imagenet_weights()
    layers = feature_layers(last)
    own = layers.state_dict()
    given = {n.removeprefix("features."): v for n, v in weights.items() if n.startswith("features.")}
    assert set(own) <= set(given)
    assert {n.split(".")[0] for n in set(given) - set(own)} == (set() if last else {"18"})
    assert all(own[name].shape == given[name].shape for name in own)
    assert load_backbone(layers, weights) == len(own)
    assert torch.equal(layers[17].conv[3].running_var, weights["features.17.conv.3.running_var"])


def test_the_strides_and_channels_are_those_of_the_paper():
    x = torch.zeros(1, 3, 64, 96)
    shapes = []
    with torch.no_grad():
        for layer in feature_layers(last=True).eval():
            x = layer(x)
            shapes.append(tuple(x.shape[1:]))
    assert [shapes[i] for i in (0, 1, 3, 6, 10, 13, 17, 18)] == [
        (32, 32, 48),
        (16, 32, 48),
        (24, 16, 24),
        (32, 8, 12),
        (64, 4, 6),
        (96, 4, 6),
        (320, 2, 3),
        (1280, 2, 3),
    ]


@pytest.mark.parametrize(
    ("stride", "out_channels", "residual"), [(1, 8, True), (2, 8, False), (1, 12, False)]
)
def test_a_block_shows_its_expansion(stride, out_channels, residual):
    torch.manual_seed(0)
    block = InvertedResidual(8, out_channels, stride, hidden=48, expands=True).eval()
    x = torch.randn(2, 8, 10, 10)
    with torch.no_grad():
        out, expanded = block.forward_with_expansion(x)
        assert torch.equal(out, block(x))
        assert torch.equal(out, x + block.conv(x) if residual else block.conv(x))
        assert torch.equal(expanded, block.conv[0](x))
    assert expanded.shape == (2, 48, 10, 10)
    assert 0 <= expanded.min() < expanded.max() <= 6


@pytest.mark.parametrize("side", [16, 17])
@pytest.mark.parametrize("kernel", [3, 5])
def test_halving_gives_the_same_in_training_as_in_use(side, kernel):
    torch.manual_seed(0)
    halve = conv_bn_relu6(6, 6, kernel=kernel, stride=2, groups=6)[0]
    x = torch.randn(2, 6, side, side, dtype=torch.float64, requires_grad=True)
    halve = halve.double()
    results = []
    for training in (True, False):
        halve.train(training)
        out = halve(x)
        gradients = torch.autograd.grad(out.square().sum(), [x, halve.get_parameter("weight")])
        results.append((out, *gradients))
    assert results[0][0].shape == (2, 6, -(-side // 2), -(-side // 2))
    for quick, plain in zip(*results, strict=True):
        torch.testing.assert_close(quick, plain)
