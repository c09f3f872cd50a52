from __future__ import annotations

import resource
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

import torch
from safetensors import safe_open
from torch import nn

from crowdmask.errors import ModelError, OutputError
from crowdmask.training.checkpoint import (
    data_digest,
    load_checkpoint,
    load_weights,
    save_checkpoint,
    save_weights,
)

STATE = {"digest": "d", "step": 3, "model": {"w": torch.arange(4.0)}, "average": {}, "optimizer": {}}


def make_model(channels: int = 6) -> nn.Sequential:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, channels, 3), nn.BatchNorm2d(channels), nn.Conv2d(channels, 2, 1))
    model[1].running_var.fill_(1e-6)
    model[1].running_mean.fill_(123456.75)
    return model


def test_a_checkpoint_comes_back_as_it_was(tmp_path):
    path = tmp_path / "new" / "checkpoint.pt"
    assert load_checkpoint(path) is None
    save_checkpoint(path, STATE)
    loaded = load_checkpoint(path)
    assert loaded is not None
    assert loaded["step"] == 3
    assert torch.equal(loaded["model"]["w"], STATE["model"]["w"])  # type: ignore[index]
    assert [p.name for p in path.parent.iterdir()] == ["checkpoint.pt"]


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.99])
def test_a_damaged_checkpoint_says_what_to_do(tmp_path, kept):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, STATE)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if kept < 1 else kept])
    with pytest.raises(ModelError, match=r"checkpoint\.pt is damaged .*delete it to start again") as raised:
        load_checkpoint(path)
    assert "\n" not in str(raised.value)


def test_a_file_of_another_program_is_no_checkpoint(tmp_path):
    path = tmp_path / "checkpoint.pt"
    torch.save({"epoch": 3}, path)
    with pytest.raises(ModelError, match=r"not a checkpoint of a training run \(it lacks 'digest'\)"):
        load_checkpoint(path)


def test_a_folder_that_cannot_be_is_one_line(tmp_path):
    (tmp_path / "file").write_text("x")
    for save in (
        lambda: save_checkpoint(tmp_path / "file" / "checkpoint.pt", STATE),
        lambda: save_weights(make_model(), tmp_path / "file" / "w.safetensors", {}),
    ):
        with pytest.raises(
            OutputError, match=r"cannot write .*file/\S+: (not a directory|file exists)"
        ) as raised:
            save()
        assert "\n" not in str(raised.value)


FULL_DISK = """
import sys
from pathlib import Path
import torch
from crowdmask.errors import OutputError
from crowdmask.training.checkpoint import save_checkpoint, save_weights
path = Path(sys.argv[1])
save_checkpoint(path, {"step": 1})
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
for save in (
    lambda: save_checkpoint(path, {"step": 2, "model": torch.zeros(100_000)}),
    lambda: save_weights(torch.nn.Linear(100, 1000), path.with_name("w.safetensors"), {}),
):
    try:
        save()
    except OutputError as error:
        print(error)
print(torch.load(path)["step"], sorted(p.name for p in path.parent.iterdir()))
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="this system has no limit on file sizes")
@pytest.mark.usefixtures("unmeasured")
def test_a_full_disk_is_one_line_and_leaves_the_old_checkpoint(tmp_path, project_root):
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "checkpoint.pt")],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(project_root / "src"), "OMP_NUM_THREADS": "1"},
    )
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"cannot write {tmp_path / 'checkpoint.pt'}: ")
    assert lines[1].startswith(f"cannot write {tmp_path / 'w.safetensors'}: ")
    assert lines[2] == "1 ['checkpoint.pt']"


def test_weights_come_back_filters_halved_and_the_rest_as_it_was(tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(make_model(), path, {"name": "mine", "step": "3"})
    with safe_open(path, "pt") as opened:
        assert opened.metadata() == {"crowdmask": '{"name": "mine", "step": "3"}'}
        assert {n: opened.get_tensor(n).dtype for n in opened.keys()} == {  # noqa: SIM118
            "0.weight": torch.float16,
            "0.bias": torch.float32,
            "1.weight": torch.float32,
            "1.bias": torch.float32,
            "1.running_mean": torch.float32,
            "1.running_var": torch.float32,
            "2.weight": torch.float16,
            "2.bias": torch.float32,
        }
    model, loaded = make_model(), make_model()
    for parameter in loaded.parameters():
        nn.init.constant_(parameter, 7)
    load_weights(loaded, path)
    for name, value in loaded.state_dict().items():
        expected = model.state_dict()[name]
        assert value.dtype == expected.dtype
        assert torch.equal(value, expected.half().float() if name in ("0.weight", "2.weight") else expected)


def test_others_may_read_the_weights(tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(make_model(), path, {})
    (tmp_path / "plain").touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"there are no weights at .*w\.safetensors"),
        (b"", "is not a safetensors file"),
        (b"no weights at all", "is not a safetensors file"),
        ("other", r"weights of another architecture \(first difference: 0\.bias\)"),
        ("fewer", r"weights of another architecture \(first difference: 2\.bias\)"),
    ],
)
def test_weights_that_do_not_fit_are_refused(tmp_path, content, message):
    path = tmp_path / "w.safetensors"
    if content == "other":
        save_weights(make_model(5), path, {})
    elif content == "fewer":
        save_weights(make_model()[:2], path, {})
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=message) as raised:
        load_weights(make_model(), path)
    assert "\n" not in str(raised.value)


def test_the_digest_of_the_data_tells_photos_boxes_and_order(samples):
    plain = data_digest(samples)
    assert data_digest([replace(s, path=Path("elsewhere")) for s in samples]) == plain
    moved = replace(samples[0], boxes=samples[0].boxes + np.float32(1))
    others = [
        samples[:-1],
        samples[::-1],
        [moved, *samples[1:]],
        [replace(samples[0], class_id=samples[0].class_id[::-1].copy()), *samples[1:]],
        [replace(samples[0], ignore=~samples[0].ignore), *samples[1:]],
        [replace(samples[0], name="x"), *samples[1:]],
    ]
    assert len({plain, *map(data_digest, others)}) == 1 + len(others)
