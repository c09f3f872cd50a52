from __future__ import annotations

from pathlib import Path

import pytest

from crowdmask.errors import DataError
from crowdmask.secret import Secret
from crowdmask.settings import StrictModel, read_yaml


class Door(StrictModel):
    code: Secret


def read(tmp_path: Path, text: str) -> Door:
    path = tmp_path / "door.yaml"
    path.write_text(text, encoding="utf-8")
    return read_yaml(path, Door)


def test_a_secret_is_text_a_variable_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOOR_CODE", "of the variable")
    (tmp_path / "code").write_text("of the file\n", encoding="utf-8")
    given = ("in the open", "{env: DOOR_CODE}", f"{{file: '{tmp_path / 'code'}'}}")
    codes = [read(tmp_path, f"code: {each}") for each in given]
    assert [each.code.get_secret_value() for each in codes] == [
        "in the open", "of the variable", "of the file",
    ]  # fmt: skip
    assert all("of the" not in repr(each) + each.model_dump_json() for each in codes)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("{env: NOT_THERE}", "the environment variable NOT_THERE is not set"),
        ("{file: /not/there}", "cannot read /not/there"),
        ("''", "is empty"),
        ("47114711", "must be text, or {env: NAME of a variable}, or {file: PATH}"),
        ("[hunter2]", "must be text"),
        ("{env: A, file: hunter2}", "must be text"),
        ("{password: hunter2}", "must be text"),
    ],
)
def test_a_wrong_secret_is_refused_and_not_shown(tmp_path: Path, given: str, why: str) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, f"code: {given}")
    assert f"code: {why}" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "4711" not in str(caught.value)
