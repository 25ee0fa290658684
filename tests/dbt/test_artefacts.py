"""A build counts as done only if every selected node ran and came out well."""

from __future__ import annotations

from typing import Any

import pytest

from rapport.transform.artefacts import check_complete, expected_nodes, node_results
from rapport.transform.errors import TransformError


def _node(kind: str, name: str, parents: list[str], **more: Any) -> dict[str, Any]:
    tags, config = more.get("tags", []), {"materialized": more.get("materialized", "table")}
    return {
        "resource_type": kind,
        "name": name,
        "tags": tags,
        "config": config,
        "depends_on": {"nodes": parents},
        "compiled_path": f"target/{name}.sql",
    }


MANIFEST: dict[str, Any] = {
    "nodes": {
        "model.stg": _node("model", "stg", [], tags=["staging"]),
        "model.thin": _node("model", "thin", [], tags=["staging"], materialized="ephemeral"),
        "model.mart": _node("model", "mart", ["model.stg"], tags=["marts"]),
        "test.stg": _node("test", "stg_is_fine", ["model.stg"]),
        "test.both": _node("test", "mart_fits_stg", ["model.mart", "model.stg"]),
    },
    "parent_map": {
        "model.mart": ["model.stg"],
        "test.stg": ["model.stg"],
        "test.both": ["model.mart", "model.stg"],
    },
}


def _results(**statuses: str) -> list[Any]:
    return node_results(
        {
            "results": [
                {
                    "unique_id": key.replace("_", ".", 1),
                    "status": status,
                    "execution_time": 0.1,
                    "message": "Got 3 results" if status == "fail" else "",
                    "failures": 3 if status == "fail" else None,
                }
                for key, status in statuses.items()
            ]
        },
        MANIFEST,
    )


def test_a_test_belongs_to_the_build_that_has_all_its_parents() -> None:
    assert expected_nodes(MANIFEST, ["staging"]) == {"model.stg", "test.stg"}
    assert expected_nodes(MANIFEST, ["marts"]) == {"model.mart", "test.both"}


def test_a_complete_build_passes() -> None:
    check_complete(_results(model_stg="success", test_stg="pass"), {"model.stg", "test.stg"})


def test_a_node_that_did_not_run_is_an_error() -> None:
    with pytest.raises(TransformError, match=r"did not run 1 .*test\.stg"):
        check_complete(_results(model_stg="success"), {"model.stg", "test.stg"})


def test_the_cause_is_named_before_what_was_skipped() -> None:
    results = _results(model_mart="skipped", test_stg="fail")
    with pytest.raises(TransformError) as caught:
        check_complete(results, {"model.mart", "test.stg"})
    assert "test stg_is_fine: Got 3 results (3 failing rows)" in caught.value.message
    assert caught.value.next_step == "See the SQL in target/stg_is_fine.sql."
