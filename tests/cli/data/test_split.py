from __future__ import annotations

from collections import Counter

import pytest
from typer.testing import CliRunner

from crowdmask.cli.main import app
from crowdmask.data.manifest import Manifest, Photo, read_manifest, write_manifest

FACE = {"box": (0, 0, 20, 20), "label": "with_mask"}


def photo(name: str, **changes) -> Photo:
    content = {"photo": name, "width": 64, "height": 48, "source": "s[1]", "faces": [FACE], "hash": "0f"}
    return Photo.model_validate({**content, **changes})


@pytest.fixture
def data(tmp_path):
    write_manifest(Manifest(tmp_path, [photo(f"{i}.jpg", group="g" if i < 4 else None) for i in range(40)]))
    return tmp_path


def run(*options: object):
    return CliRunner().invoke(app, ["data", "split", *map(str, options)])


def test_a_data_set_is_split_and_the_tables_say_how(data):
    result = run(data, "--fractions", "train=.5,val=.25,test=.25", "--seed", 3)
    assert result.exit_code == 0, result.output
    photos = read_manifest(data).photos
    assert Counter(p.split for p in photos) == {"train": 20, "val": 10, "test": 10}
    assert len({p.split for p in photos[:4]}) == 1
    assert result.output.index("before") < result.output.index("no split") < result.output.index("after")
    assert "source: s[1]" in result.output
    assert "40 of 40 photos were given a split" in result.output
    assert run(data, "--check").exit_code == 0


def test_data_added_later_do_not_move_what_was_split(data):
    run(data)
    before = read_manifest(data).photos
    new = [photo(f"new{i}.jpg", group="g" if i == 0 else None) for i in range(10)]
    write_manifest(Manifest(data, [*before, *new]))
    result = run(data, "--seed", 8)
    assert "10 of 50 photos were given a split" in result.output
    after = read_manifest(data).photos
    assert after[:40] == before
    assert after[40].split == before[0].split


def test_a_leak_is_refused_and_nothing_changes(data):
    photos = [photo("a", group="g", split="train"), photo("b", group="g", split="val"), photo("c")]
    write_manifest(Manifest(data, photos))
    before = (data / "manifest.jsonl").read_bytes()
    for options in (["--check"], []):
        result = run(data, *options)
        assert result.exit_code == 1
        assert "the split leaks: g lies in 2 splits (train: a, val: b)" in result.output
        assert (data / "manifest.jsonl").read_bytes() == before
    assert run(data, "--again").exit_code == 0
    assert run(data, "--check").exit_code == 0


def test_checking_changes_nothing(data):
    before = (data / "manifest.jsonl").read_bytes()
    assert run(data, "--check").exit_code == 0
    assert (data / "manifest.jsonl").read_bytes() == before


def test_photos_that_were_not_compared_and_an_empty_split_are_mentioned(data):
    write_manifest(Manifest(data, [photo("a", hash=None), photo("b", hash=None)]))
    result = run(data)
    assert result.exit_code == 0
    assert "copies may come apart" in result.output
    assert "test is empty" in result.output


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--fractions", "train=.8"], 2, "must add up to 1"),
        (["--check", "--again"], 2, "--check changes nothing"),
        (["--seed", "-1"], 2, "--seed"),
    ],
)
def test_what_does_not_fit_is_one_line(data, options, code, message):
    result = run(data, *options)
    assert result.exit_code == code
    assert message in result.output


def test_a_manifest_of_another_name_is_the_one_that_is_written(data):
    before = (data / "manifest.jsonl").read_bytes()
    other = data / "other.jsonl"
    other.write_bytes(before)
    assert run(other).exit_code == 0
    assert (data / "manifest.jsonl").read_bytes() == before
    assert all(p.split for p in read_manifest(other).photos)
    for command in (["balance", "--no-tones"], ["balance", "--clear"], ["dedup"]):
        CliRunner().invoke(app, ["data", command[0], str(other), *command[1:]])
        assert (data / "manifest.jsonl").read_bytes() == before
