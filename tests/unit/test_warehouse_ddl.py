"""Tables that follow from contracts grow, they never lose anything."""

from __future__ import annotations

from rapport.warehouse.ddl import LandingTable, MartTable, landing_ddl, store_ddl, view_ddl

TABLE = LandingTable("src__t", [("id", "text"), ("amount", "numeric(20,2)")], ["id"])
MART = MartTable("m", "One row per x's y.", [("id", "text", "It's the key.")], ["id"])


def test_a_new_landing_table_compares_text_by_code_point() -> None:
    create = landing_ddl(TABLE)[0]
    assert '"id" text collate "C"' in create
    assert '"amount" numeric(20,2),' in create


def test_an_existing_landing_table_only_gains_columns() -> None:
    assert landing_ddl(TABLE, ["id", "amount", "gone"]) == []
    assert landing_ddl(TABLE, ["id"]) == [
        'alter table landing."src__t" add column "amount" numeric(20,2)'
    ]


def test_an_existing_store_table_only_gains_columns() -> None:
    assert store_ddl(MART, [("id", "text")]) == []
    (added,) = store_ddl(MART, [("other", "text")])
    assert added == 'alter table store."m" add column "id" text collate "C"'


def test_quotes_in_descriptions_are_escaped() -> None:
    assert "comment on view mart.\"m\" is 'One row per x''s y.'" in view_ddl(MART, ["id"])
