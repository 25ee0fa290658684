"""YAML files whose every key remembers its line, so that an error can point at it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from rapport.errors import RapportError

Path_ = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)


class Document:
    """A parsed YAML mapping: ``data`` in plain Python, and the line of every key and item."""

    def __init__(self, name: str, data: dict[str, Any], lines: dict[Path_, int]) -> None:
        self.name = name
        self.data = data
        self._lines = lines

    def line(self, path: Path_) -> int:
        """Line (from 1) of a key; of the nearest enclosing one when the key itself is missing."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def error(self, path: Path_, message: str) -> RapportError:
        return RapportError(
            self.describe(path, message), next_step="Correct the file, then run `rapport doctor`."
        )

    def describe(self, path: Path_, message: str) -> str:
        key = ".".join(str(part) for part in path) or "the file"
        return f"{self.name}:{self.line(path)}: {key}: {message}"

    def validate(self, model: type[Model], data: Any, at: Path_ = ()) -> Model:
        """Build the model; every problem is named with file, line and key in one error."""
        try:
            return model.model_validate(data)
        except ValidationError as error:
            problems = [
                self.describe(at + _without_types(e["loc"]), e["msg"].removeprefix("Value error, "))
                for e in error.errors()
            ]
        raise RapportError(
            "\n".join(problems), next_step="Correct the file, then run `rapport doctor`."
        )


def read_document(path: Path, name: str) -> Document:
    """Parse one YAML file.

    Raises:
        RapportError: on a syntax error, a key given twice, or when the file is not a mapping.
    """
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or str(error)
        raise RapportError(
            f"{name}:{line}: not valid YAML: {problem}", next_step="Correct the file."
        ) from error
    if not isinstance(root, yaml.MappingNode):
        raise RapportError(f"{name}:1: the file must be a mapping.", next_step="Correct it.")
    lines: dict[Path_, int] = {}
    data = _plain(root, (), lines, lambda path, text: Document(name, {}, lines).error(path, text))
    return Document(name, data, lines)


def _plain(
    node: yaml.Node,
    path: Path_,
    lines: dict[Path_, int],
    fail: Callable[[Path_, str], RapportError],
) -> Any:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, i), lines, fail) for i, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            here = (*path, key)
            if key in mapping:
                again = key_node.start_mark.line + 1
                raise fail(here, f"the key is given twice (again in line {again})")
            lines[here] = key_node.start_mark.line + 1
            mapping[key] = _plain(value_node, here, lines, fail)
        return mapping
    return _scalar(node)


def _scalar(node: yaml.Node) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node, deep=True)
    finally:
        loader.dispose()


def _without_types(location: tuple[str | int, ...]) -> Path_:
    """Pydantic adds the names of union members to a location; keys of ours never have brackets."""
    return tuple(p for p in location if not (isinstance(p, str) and "[" in p))
