"""The dbt project as a whole: it builds, its formulas hold, its layers and contracts are kept."""

from __future__ import annotations

import re
from pathlib import Path

from rapport.settings import load
from rapport.sources.canonical import entities
from rapport.transform.mart_pages import pages
from support.dbt_build import SCHEMA, Built

MARTS = {"clients", "loan_risk", "client_value", "client_satisfaction"}


def test_every_node_passes_even_without_a_single_row(built: Built) -> None:
    bad = {r.name: r.message for r in built.results if r.status not in ("success", "pass")}
    assert bad == {}


def test_every_formula_has_unit_tests(built: Built) -> None:
    tested = {
        node["model"]
        for node in built.manifest["unit_tests"].values()
        if node["resource_type"] == "unit_test"
    }
    formulas = {
        node["name"]
        for node in built.manifest["nodes"].values()
        if node["resource_type"] == "model" and node["fqn"][1] == "intermediate"
    }
    plain = {
        "int_loan_client_ids",  # a union
        "int_coverage_declared",  # what the contracts say
        "int_client_values_previous",  # what a release holds
    }
    assert formulas - tested == plain


def test_the_reference_cases_are_reproduced(built: Built) -> None:
    names = {node["name"] for node in built.manifest["unit_tests"].values()}
    for case in ("R1", "R6", "R10", "R11", "R15", "R21"):
        assert any(name.startswith(f"reference_{case}_") for name in names), case


def test_canonical_staging_has_exactly_the_canonical_columns(built: Built) -> None:
    with built.connect() as connection:
        rows = connection.execute(
            "select c.relname, a.attname, format_type(a.atttypid, a.atttypmod)"
            " from pg_attribute as a join pg_class as c on c.oid = a.attrelid"
            " where c.relnamespace = %s::regnamespace and c.relkind = 'r'"
            " and c.relname like 'stg\\_canonical\\_\\_%%' and a.attnum > 0 order by 1, a.attnum",
            [SCHEMA],
        ).fetchall()
    found: dict[str, list[tuple[str, str]]] = {}
    for table, column, type_ in rows:
        found.setdefault(table.removeprefix("stg_canonical__"), []).append((column, type_))
    # Of the entities whose undated values are read at the date.
    for columns in found.values():
        if columns[-1] == ("was_backcast", "boolean"):
            columns.pop()
    wanted = {
        name: [("source", "text"), *((c.name, _spelled(c.type)) for c in entity.columns)]
        for name, entity in entities().items()
    }
    assert found == wanted


def test_marts_keep_their_contract(built: Built) -> None:
    marts = {
        node["name"]: node
        for node in built.manifest["nodes"].values()
        if node["resource_type"] == "model" and node["fqn"][1] == "marts"
    }
    assert set(marts) >= MARTS
    for name, node in marts.items():
        assert node["contract"]["enforced"], name
        assert node["description"].startswith("One row per "), name
        assert node["columns"]["as_of_date"]["data_type"] == "date", name
        assert "as_of_date" in node["constraints"][0]["columns"], name
        for column in node["columns"].values():
            assert column["description"], f"{name}.{column['name']}"
            assert column["data_type"] not in ("numeric", "double precision", "real"), column


def test_every_model_says_what_its_row_is(built: Built) -> None:
    silent = {
        node["name"]
        for node in built.manifest["nodes"].values()
        if node["resource_type"] in ("model", "seed")
        and not node["description"].startswith("One row per ")
    }
    assert silent == set()


def test_every_effective_dated_seed_is_shown_in_parameters(built: Built) -> None:
    dated = {
        key
        for key, node in built.manifest["nodes"].items()
        if node["resource_type"] == "seed" and "valid_from" in node["config"]["column_types"]
    }
    shown = built.manifest["parent_map"]["model.rapport.parameters"]
    missing = {key.rsplit(".", 1)[-1] for key in dated - set(shown)}
    assert missing == set(), "name these seeds in parameter_sets of marts/reference/parameters.sql"


def test_the_page_of_every_mart_is_current(built: Built) -> None:
    folder = load().root / "docs" / "marts"
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    assert found == pages(built.manifest), "run `rapport docs` and commit docs/marts"


def test_the_readme_lists_every_mart(built: Built) -> None:
    text = (load().root / "README.md").read_text(encoding="utf-8")
    names = {n.removesuffix(".md") for n in pages(built.manifest)} - {"README"}
    assert {name for name in names if f"`mart.{name}`" not in text} == set()


def test_no_model_asks_for_the_time(built: Built) -> None:
    folder = load().root / "dbt_project"
    asks = re.compile(r"\b(now\(\)|current_date|current_timestamp|clock_timestamp)", re.IGNORECASE)
    found = [
        path.name
        for kind in ("models", "macros", "tests")
        for path in Path(folder / kind).rglob("*.sql")
        if asks.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def _spelled(type_: str) -> str:
    return "timestamp with time zone" if type_ == "timestamptz" else type_
