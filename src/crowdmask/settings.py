"""Settings files in YAML: unknown keys are errors; all problems are reported together, each with its line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from crowdmask.errors import CrowdmaskError, DataError
from crowdmask.suggestions import did_you_mean

_SHOWN_CHARS = 40
_SHOWN_PROBLEMS = 8
_YAML_MERGE = "tag:yaml.org,2002:merge"


class StrictModel(BaseModel):
    """The base class of everything read from a file: immutable, without unknown keys or infinite numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


_Model = TypeVar("_Model", bound=BaseModel)

# Pydantic's messages, reworded for people who write YAML; pydantic fills in {…}.
_PLAIN = {
    "missing": "is missing",
    "extra_forbidden": "there is no such key",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be {le} or less",
    "finite_number": "must be a finite number",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text",
    "string_pattern_mismatch": "must match the pattern {pattern}",
    "string_too_short": "must have {min_length} characters or more",
    "string_too_long": "must have {max_length} characters or fewer",
    "literal_error": "must be {expected}",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a section of keys with values",
    "model_type": "must be a section of keys with values",
    "model_attributes_type": "must be a section of keys with values",
    "too_short": "must have {min_length} entries or more, not {actual_length}",
    "too_long": "must have {max_length} entries or fewer, not {actual_length}",
    "union_tag_invalid": "its {discriminator} must be one of {expected_tags}, not '{tag}'",
    "union_tag_not_found": "must say its {discriminator}",
}
# The value is not repeated where the message already contains it, or where it does not help.
_WITHOUT_VALUE = {"missing", "extra_forbidden", "too_short", "too_long", "value_error", "union_tag_not_found"}


def read_yaml(
    path: Path,
    model: type[_Model],
    *,
    error: type[CrowdmaskError] = DataError,
    what: str = "",
    hint: str = "",
    columns: bool = False,
) -> _Model:
    """Read a YAML file into a pydantic model.

    Args:
        path: the file.
        model: what the file must contain.
        error: the class of error to raise.
        what: what kind of file it is, for messages; may be empty.
        hint: ends a message about the content, like "docs/tracking.md shows a zones file".
        columns: name the column of a problem, too; for long files with sections within one line.
    Raises:
        CrowdmaskError: of the class `error`: missing, not YAML, or with keys or values that do not fit. One
            line that names all of them, each by its key and its line in the file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as failed:
        raise error(f"cannot read {what + ' ' if what else ''}{path}: {failed.strerror}") from failed
    except UnicodeDecodeError as failed:
        raise error(f"{path} is not YAML: it is not UTF-8 text") from failed
    try:
        root, problems, content = _parse(text, columns)
    except (yaml.YAMLError, ValueError, RecursionError) as failed:
        raise error(f"{path} is not YAML: {_where_yaml_ends(failed)}") from failed
    if not isinstance(content, dict):
        problems = ["it must hold keys with values"]
    else:
        try:
            read = model.model_validate(content)
            if not problems:
                return read
        except ValidationError as failed:
            problems += describe_problems(failed, model, root, columns=columns)
    told = f"{path}: {'; '.join(problems)}"
    raise error(f"{told}; {hint}" if hint else told)


def _where_yaml_ends(error: Exception) -> str:
    """Return in few words what the parser did not understand, and where."""
    mark = getattr(error, "problem_mark", None)
    why = " ".join(str(getattr(error, "problem", None) or error).split())
    return why if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: {why}"


def describe_problems(
    error: ValidationError,
    model: type[BaseModel] | None = None,
    root: yaml.Node | None = None,
    *,
    columns: bool = False,
) -> list[str]:
    """Return each problem in plain words, like "views.use: must be 0 or more, not -1 (line 7)".

    Args:
        error: what pydantic found.
        model: its keys are suggested for a misspelled one.
        root: the root node of the YAML document, for line numbers; None: no line numbers.
        columns: name the column, too.
    """
    found = error.errors(include_url=False)
    told = list(dict.fromkeys(_describe(problem, model, root, columns) for problem in found))
    more = len(told) - _SHOWN_PROBLEMS
    return told if more <= 0 else [*told[:_SHOWN_PROBLEMS], f"and {more} more"]


def _describe(
    problem: ErrorDetails, model: type[BaseModel] | None, root: yaml.Node | None, columns: bool
) -> str:
    loc = problem["loc"]
    key = ".".join(str(part) for part in loc)
    why = _reason(problem)
    if problem["type"] == "extra_forbidden":
        near = did_you_mean(str(loc[-1]), _keys_at(model, loc[:-1]))
        why += f":{near}" if near else ""
    mark = _mark_of(root, loc)
    return (f"{key}: " if key else "") + why + (f" ({_place(mark, columns)})" if mark else "")


def _place(mark: yaml.Mark, columns: bool) -> str:
    return f"line {mark.line + 1}" + (f", column {mark.column + 1}" if columns else "")


def _reason(problem: ErrorDetails) -> str:
    kind, given = problem["type"], problem.get("input")
    if kind in ("string_too_short", "too_short") and problem["ctx"]["min_length"] == 1:
        why = "must not be empty"
    elif kind in _PLAIN:
        why = _PLAIN[kind].format(**{name: _short(value) for name, value in problem.get("ctx", {}).items()})
    else:
        why = problem["msg"].removeprefix("Value error, ").replace("Input should be ", "must be ")
        why = why.replace("Input should ", "must ")
    why = " ".join(why.split())
    simple = given is None or isinstance(given, (str, int, float))
    if kind in _WITHOUT_VALUE or given == "" or not simple or len(repr(given)) > _SHOWN_CHARS:
        return why
    return f"{why}, not {'nothing' if given is None else repr(given)}"


def _short(value: Any) -> Any:
    return f"{value:g}" if isinstance(value, float) else value


def _keys_at(model: type[BaseModel] | None, loc: Sequence[str | int]) -> list[str]:
    """Return the keys of the section at a place, as far as the models define them."""
    for part in loc:
        field = model.model_fields.get(str(part)) if model is not None else None
        kind = field.annotation if field is not None else None
        model = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
    return list(model.model_fields) if model is not None else []


def _parse(text: str, columns: bool) -> tuple[yaml.Node | None, list[str], Any]:
    """Return the nodes of a document, the problems with its keys, and its content."""
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        # Checked first: constructing the values copies what `<<` refers to into the nodes.
        problems = _repeated_keys(root, columns)
        return root, problems, None if root is None else loader.construct_document(root)
    finally:
        loader.dispose()


def _mark_of(root: yaml.Node | None, loc: Sequence[str | int]) -> yaml.Mark | None:
    """Return the place of the last part of a key that is in the file; pydantic adds parts of its own."""
    if root is None:
        return None
    node, mark = root, root.start_mark
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            for name, value in node.value:
                if isinstance(name, yaml.ScalarNode) and name.value == str(part):
                    node, mark = value, name.start_mark
                    break
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            mark = node.start_mark
    return mark


def _repeated_keys(root: yaml.Node | None, columns: bool) -> list[str]:
    """Return the problems with keys that occur twice in one section: YAML would silently keep the last."""
    problems, waiting, seen = [], [root] if root is not None else [], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        if not isinstance(node, yaml.MappingNode):
            continue
        names = set[str]()
        for name, value in node.value:
            waiting.append(value)
            if not isinstance(name, yaml.ScalarNode) or name.tag == _YAML_MERGE:
                continue
            if name.value in names:
                problems.append(f"{name.value}: given twice ({_place(name.start_mark, columns)})")
            names.add(name.value)
    return problems
