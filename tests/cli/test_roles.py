"""No command may cost a user a file: outputs that are inputs, or of another kind, are refused."""

from __future__ import annotations

import inspect
import os
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from typer.testing import CliRunner

from crowdmask.cli.main import COMMANDS, GROUPS, app
from crowdmask.cli.roles import Reads, Writes, roles_of
from crowdmask.files import lock
from crowdmask.outputs import Kind

from .conftest import Detect

NAMES = [(name,) for name in COMMANDS if name not in GROUPS] + [
    (group, name) for group, members in GROUPS.items() for name in members
]
# What each command needs before its outputs are looked at; {input} is a file that it reads.
CALLS: dict[tuple[str, ...], list[str]] = {
    ("detect",): ["{input}"],
    ("track",): ["{input}"],
    ("batch",): ["{input}", "--to", "rows"],
    ("evaluate",): ["{input}"],
    ("train",): ["{input}"],
    ("export",): ["{input}", "--data", "other.yaml", "--to", "x.onnx"],
    ("quantize",): ["{input}", "--data", "other.yaml", "--to", "x.onnx"],
    ("bench",): ["{input}"],
    ("model",): ["{input}"],
    ("tune",): ["{input}", "--space", "other.yaml"],
    ("survey",): ["{input}"],
    ("web",): [],
    ("serve",): ["--config", "{input}"],
    ("data", "import"): ["{input}", "--to", "set"],
    ("data", "crawl"): ["masks", "--to", "set"],
    ("data", "label"): ["set", "--import", "{input}"],
    ("data", "dedup"): ["{input}"],
    ("data", "synth"): ["set", "--to", "set"],
    ("data", "split"): ["set"],
    ("data", "balance"): ["set"],
    ("data", "stats"): ["{input}", "--to", "page.html"],
    ("data", "export"): ["set", "--format", "coco", "--to", "new"],
}


def function_of(name: tuple[str, ...]) -> Any:
    module = ".".join(("crowdmask.cli", *name)) + ("_" if name[-1] == "import" else "")
    return import_module(module).command


def options_of(name: tuple[str, ...]) -> dict[str, tuple[str, Writes]]:
    """Return how each output of a command is given, and its role."""
    function, found = function_of(name), {}
    hints = get_type_hints(function, include_extras=True)
    for parameter, role in roles_of(function).items():
        if isinstance(role, Writes):
            option = hints[parameter].__metadata__[0]
            # In an annotation the first name of an option stands where its default usually does.
            names = (option.default, *(option.param_decls or ()))
            given = [each for each in names if isinstance(each, str) and each.startswith("--")]
            found[parameter] = (given[0] if given else "--" + parameter.replace("_", "-"), role)
    return found


Output = tuple[tuple[str, ...], str, Writes]
OUTPUTS: list[Output] = [(name, option, role) for name in NAMES for option, role in options_of(name).values()]


def named(rows: list[Output]) -> list[Any]:
    return [pytest.param(*row, id=" ".join((*row[0], row[1]))) for row in rows]


def run(name: tuple[str, ...], *words: str) -> Any:
    return CliRunner().invoke(app, [*name, *words])


@pytest.mark.parametrize("name", NAMES, ids=" ".join)
def test_every_file_and_folder_of_a_command_has_a_role(name: tuple[str, ...]) -> None:
    function = function_of(name)
    roles, hints = roles_of(function), get_type_hints(function, include_extras=True)
    missing = []
    for parameter in inspect.signature(function).parameters:
        option = hints[parameter].__metadata__[0]
        shown = option.metavar or ""
        is_path = "Path" in str(hints[parameter].__origin__) or any(
            w in shown for w in ("FILE", "DIR", "PAGE")
        )
        if is_path and parameter not in roles and parameter not in ("split_list", "face"):
            missing.append(parameter)
    assert missing == []
    assert name in CALLS


@pytest.mark.parametrize(
    ("name", "option", "role"),
    named([row for row in OUTPUTS if not row[2].extends and "{input}" in CALLS.get(row[0], [])]),
)
def test_an_output_that_is_an_input_is_refused(
    name: tuple[str, ...], option: str, role: Writes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = Path(
        "mine.onnx" if role.kind is Kind.MODEL else "mine.mp4" if role.kind is Kind.VIDEO else "mine"
    )
    given.write_bytes(b"what a user has")
    Path("folder").mkdir()
    Path("link").symlink_to(given)
    words = [word.format(input=given) for word in CALLS[name]]
    if name == ("data", "label"):
        words += ["--export", "cvat"]
    suffix = given.suffix
    Path(f"hard{suffix}").hardlink_to(given)
    for output in (given, Path("folder/..") / given, tmp_path / given, Path(f"hard{suffix}")):
        done = run(name, *words, option, str(output))
        assert (done.exit_code, "one of the inputs" in done.stderr) == (2, True), done.output
        assert len(done.stderr.splitlines()) == 1
    assert given.read_bytes() == b"what a user has"


@pytest.mark.parametrize("file", ["a.jpg", "A.JPG", "a.heic", "b.mp4", "c.dng", "d.zip", "e.docx"])
@pytest.mark.parametrize(
    ("name", "option", "role"),
    # A video may be named like a video, and an output that is added to is a folder.
    named([row for row in OUTPUTS if row[2].kind is not Kind.VIDEO and not row[2].extends]),
)
def test_records_never_replace_a_picture_or_a_file_of_another_kind(
    name: tuple[str, ...],
    option: str,
    role: Writes,
    file: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(file).write_bytes(b"what a user has")
    Path("other").write_bytes(b"an input")
    done = run(name, *[word.format(input="other") for word in CALLS[name]], option, file)
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1), done.output
    assert file in done.stderr
    assert Path(file).read_bytes() == b"what a user has"
    assert sorted(os.listdir()) == sorted([file, "other"])


@pytest.mark.parametrize("option", ["--json", "--csv"])
def test_a_pattern_that_the_shell_expanded_costs_no_photo(option: str, detect: Detect, blocks: Any) -> None:
    for name in ("a.jpg", "b.jpg"):
        blocks.save(name)
    before = Path("a.jpg").read_bytes()
    done = detect("--no-pictures", option, "a.jpg", "b.jpg")
    assert (done.exit_code, Path("a.jpg").read_bytes()) == (2, before)
    Path("a.jpg").rename("a")  # a photo by its content
    assert detect("--no-pictures", option, "a", "b.jpg").exit_code == 2
    assert Path("a").read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [
        ["photos", "--out", "photos"],
        ["photos", "--out", "link"],
        ["photos/a.jpg", "--json", "x", "--csv", "./x"],
        ["photos/a.jpg", "--json", "-", "--csv", "-"],
        ["photos/*.jpg", "--out", "photos/a.jpg"],
        ["photos/a.jpg", "--json", "to-photo"],
    ],
    ids=" ".join,
)
def test_other_ways_to_the_same_file(words: list[str], detect: Detect, place: Path, blocks: Any) -> None:
    Path("photos").mkdir()
    blocks.save("photos/a.jpg")
    blocks.save("photos/b.jpg")
    Path("link").symlink_to("photos")
    Path("to-photo").symlink_to("photos/b.jpg")
    before = {path: path.read_bytes() for path in place.rglob("*.jpg")}
    done = detect(*words)
    assert (done.exit_code, done.stdout) == (2, ""), done.output
    assert {path: path.read_bytes() for path in place.rglob("*.jpg")} == before
    assert not Path("x").exists()


def test_files_that_a_description_names_are_inputs(place: Path) -> None:
    Path("set").mkdir()
    Path("set/boxes.csv").write_text("photo,label\n")
    Path("set/manifest.jsonl").write_text("{}\n")
    Path("data.yaml").write_text("root: set\nsources:\n  - annotations: boxes.csv\n")
    for output in ("data.yaml", "set/boxes.csv"):
        done = run(("evaluate",), "data.yaml", "--json", output)
        assert (done.exit_code, "one of the inputs" in done.stderr) == (2, True), done.output
    done = run(("data", "stats"), "set", "--to", "set/manifest.jsonl")
    assert (done.exit_code, "one of the inputs" in done.stderr) == (2, True), done.output
    assert Path("set/boxes.csv").read_text() == "photo,label\n"


@pytest.mark.parametrize("option", ["--json", "--csv", "--out"])
def test_of_two_runs_with_one_output_the_second_is_refused(option: str, detect: Detect, blocks: Any) -> None:
    blocks.save("a.png")
    with lock(Path("sub/output")):
        done = detect("a.png", option, "sub/output")
        assert (done.exit_code, "another command is writing sub/output" in done.stderr) == (1, True)
    assert detect("a.png", option, "sub/output").exit_code == 0
    assert sorted(os.listdir("sub")) == ["output"]


@pytest.mark.parametrize("option", ["--json", "--csv"])
def test_an_old_output_stays_until_there_is_something_for_its_place(
    option: str, detect: Detect, blocks: Any
) -> None:
    blocks.save("a.png")
    Path("empty.png").write_bytes(b"")
    Path("old").write_text("what a user has")
    for nothing in ("nothing.jpg", "empty.png"):
        assert detect(nothing, option, "old").exit_code == 1
        assert Path("old").read_text() == "what a user has"
        assert detect(nothing, option, "sub/new").exit_code == 1
    assert detect("a.png", option, "old").exit_code == 0
    assert "a.png" in Path("old").read_text()
    assert not [name for name in os.listdir() if name.startswith(".")]


def test_a_role_says_what_it_is() -> None:
    roles = roles_of(function_of(("detect",)))
    assert roles["sources"] == Reads()
    assert roles["out"] == Writes(Kind.FOLDER, unless="no_pictures", still_for="form")
