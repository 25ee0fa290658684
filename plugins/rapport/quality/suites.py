"""Read the YAML suites: shipped ones from ``expectations/``, a user's own beside them.

``landing/<source>.yml``, ``staging/<entity>.yml`` and ``marts/<mart>.yml`` name their objects.
Two files of ``landing/`` are patterns: ``every_source.yml`` is applied to each source's counts
(object ``${source}``) and ``canonical.yml`` to each table that a source lands in the canonical
layout (objects named by entity), so a new source has gates before anybody writes one. So is
``staging/every_entity.yml``, for each canonical entity (object ``${entity}``).
A user's file adds to the shipped one of the same name, unless it says ``replaces`` and why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from rapport.errors import RapportError
from rapport.quality import entry as suite_file
from rapport.quality import expectation_entry
from rapport.quality.entry import Entry
from rapport.quality.model import STAGES, Expectation, Stage, Suite
from rapport.settings import Settings
from rapport.sources.canonical import entities
from rapport.sources.contracts import load_contracts

EVERY_SOURCE, CANONICAL, EVERY_ENTITY = "every_source", "canonical", "every_entity"
_MODEL = "stg_canonical__"
_PSEUDO_KEYS = {"release_input": ("source",)}


class TableLike(Protocol):
    """What suites need to know of a table contract."""

    @property
    def key(self) -> Sequence[str]: ...
    @property
    def entity(self) -> str | None: ...


class ContractLike(Protocol):
    """What suites need to know of a source contract."""

    @property
    def source(self) -> str: ...
    @property
    def layout(self) -> str | None: ...
    @property
    def tables(self) -> Mapping[str, Any]: ...


def load_suites(settings: Settings, contracts: Mapping[str, ContractLike]) -> list[Suite]:
    """All suites that apply to these sources, one per file and object, in a stable order.

    Raises:
        RapportError: names file, line and key of the first thing that is wrong.
    """
    landed = _landed(contracts)
    _check_landing_names(settings, contracts)
    suites: dict[tuple[str, str, str], Suite] = {}
    for stage in STAGES:
        for name, document in _documents(settings, stage):
            for suite in _suites(stage, name, document, contracts, landed):
                suites[(stage, suite.object, suite.suite)] = suite
    return [suites[key] for key in sorted(suites)]


def stage_suites(suites: Sequence[Suite], stage: Stage) -> list[Suite]:
    """The suites of one stage."""
    return [s for s in suites if s.stage == stage]


def source_suites(suites: Sequence[Suite], source: str) -> list[Suite]:
    """The landing suites of one source: its counts and its tables."""
    return [
        s
        for s in suites
        if s.stage == "landing" and (s.object == source or s.object.startswith(f"{source}__"))
    ]


def _check_landing_names(settings: Settings, contracts: Mapping[str, ContractLike]) -> None:
    """A file of a source that nobody has heard of is a misspelt one, and would never be run."""
    known = {EVERY_SOURCE, CANONICAL, *contracts}
    names = dict(_documents(settings, "landing"))
    strange = [name for name in sorted(names) if name.removeprefix("project.") not in known]
    if strange:
        known |= set(load_contracts(settings))  # not enabled here is not unknown
    for name in strange:
        if name.removeprefix("project.") not in known:
            raise names[name].error(f"there is no contract of a source {name!r}")


def _documents(settings: Settings, stage: Stage) -> Iterator[tuple[str, Entry]]:
    shipped = _files(settings.root / "expectations" / stage, settings.root)
    own = {}
    if settings.project_path:
        own = _files(settings.project_path / "expectations" / stage, settings.project_path)
    replaced = set()
    for name, document in own.items():
        document.keys_only("owner", "objects", "replaces")
        if replaces := document.get("replaces"):
            expectation_entry.reason(replaces, owner=document["owner"].text())
            replaced.add(name)
    for name, document in shipped.items():
        if name not in replaced:
            document.keys_only("owner", "objects")
            yield name, document
    for name, document in own.items():
        yield (name if name not in shipped or name in replaced else f"project.{name}"), document


def _files(folder: Path, root: Path) -> dict[str, Entry]:
    wrong = sorted(folder.glob("*.yaml"))
    if wrong:
        raise RapportError(f"{wrong[0]}: suites end in .yml; this file would not be read")
    return {
        file.stem: suite_file.read(file, shown=str(file.relative_to(root)))
        for file in sorted(folder.glob("*.yml"))
    }


def _suites(
    stage: Stage,
    name: str,
    document: Entry,
    contracts: Mapping[str, ContractLike],
    landed: Mapping[str, tuple[str, ...]],
) -> Iterator[Suite]:
    owner = document["owner"].text()
    objects = document["objects"].mapping()
    if not objects:
        raise document["objects"].error("a suite file without objects checks nothing")
    for label, entry in objects.items():
        entry.keys_only("key", "allow_empty", "expectations")
        rules = _expectations(entry, owner)
        empty = entry.get("allow_empty")
        why_empty = expectation_entry.reason(empty, owner=owner) if empty else None
        for target, key in _targets(stage, name, label, entry, contracts, landed):
            yield Suite(stage, name, target, key, rules, why_empty, landed)


def _expectations(entry: Entry, owner: str) -> tuple[Expectation, ...]:
    rules = tuple(expectation_entry.read(e, owner=owner) for e in entry["expectations"].items())
    if not rules:
        raise entry["expectations"].error(
            "an empty suite would pass whatever the data is",
            next_step="Give the object at least one expectation, or remove it.",
        )
    seen: set[str] = set()
    for rule, item in zip(rules, entry["expectations"].items(), strict=True):
        if rule.rule in seen:
            raise item["rule"].error(f"the rule {rule.rule!r} stands twice in this object")
        seen.add(rule.rule)
    return rules


def _targets(
    stage: Stage,
    name: str,
    label: str,
    entry: Entry,
    contracts: Mapping[str, ContractLike],
    landed: Mapping[str, tuple[str, ...]],
) -> Iterator[tuple[str, tuple[str, ...]]]:
    given = entry.get("key")
    key = tuple(k.text() for k in given.items()) if given else ()
    plain = name.removeprefix("project.")
    if stage == "landing" and plain == EVERY_SOURCE:
        yield from ((source, ("table_name",)) for source in sorted(contracts))
    elif stage == "landing" and plain == CANONICAL:
        if label not in entities():
            raise entry.error(f"{label!r} is no entity of the canonical layout")
        for source in landed.get(label, ()):
            yield f"{source}__{label}", key or entities()[label].key
    elif stage == "landing":
        yield from _landing_target(plain, label, entry, contracts, key)
    elif stage == "staging" and plain == EVERY_ENTITY:
        yield from ((f"{_MODEL}{entity}", key or e.key) for entity, e in entities().items())
    elif stage == "staging":
        default = _PSEUDO_KEYS.get(label) or _entity_key(label)
        if not (key or default):
            raise entry.error("no entity of this name: give the object its `key`")
        yield label, key or default
    else:
        if not key:
            raise entry.error("give the mart its `key`: failing rows are named by it")
        yield label, key


def _landing_target(
    source: str,
    label: str,
    entry: Entry,
    contracts: Mapping[str, ContractLike],
    key: tuple[str, ...],
) -> Iterator[tuple[str, tuple[str, ...]]]:
    if source not in contracts:  # of a source that is not enabled
        return
    if label == source:
        yield label, ("table_name",)
        return
    table = contracts[source].tables.get(label.removeprefix(f"{source}__"))
    if table is None or not label.startswith(f"{source}__"):
        raise entry.error(
            f"the contract of {source} has no such table (expected {source}__<table>)"
        )
    yield label, key or tuple(table.key)


def _landed(contracts: Mapping[str, ContractLike]) -> dict[str, tuple[str, ...]]:
    sources: dict[str, list[str]] = {}
    for name, contract in sorted(contracts.items()):
        if contract.layout != CANONICAL:
            continue
        for table in contract.tables:
            if table in entities():
                sources.setdefault(table, []).append(name)
    return {entity: tuple(names) for entity, names in sources.items()}


def _entity_key(model: str) -> tuple[str, ...]:
    entity = entities().get(model.removeprefix(_MODEL)) if model.startswith(_MODEL) else None
    return entity.key if entity else ()


__all__ = ["Suite", "load_suites", "source_suites", "stage_suites"]
