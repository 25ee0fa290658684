"""The simulated lender has the canonical layout and looks like a lender."""

from __future__ import annotations

import pandas as pd

from rapport.simulator.frames import canonical, column_types, required_columns
from support.simulated_lender import END, frame, planted, world


def test_every_entity_has_rows_and_exactly_the_canonical_columns() -> None:
    assert list(world()) == list(canonical())
    for name, table in world().items():
        assert table.num_rows > 0, name
        assert table.column_names == list(column_types(name))


def test_keys_are_unique_and_required_columns_filled() -> None:
    for name, table in world().items():
        key = canonical()[name]["key"]
        assert not frame(name)[key].duplicated().any(), name
        for column in required_columns(name):
            assert table[column].null_count == 0, f"{name}.{column}"


def test_code_columns_hold_accepted_values_only() -> None:
    for name, table in world().items():
        for column, values in canonical()[name].get("allowed", {}).items():
            assert set(table[column].drop_null().to_pylist()) <= set(values), f"{name}.{column}"


def test_foreign_keys_point_to_existing_rows() -> None:
    def values(name: str, column: str) -> set[str]:
        return set(world()[name][column].drop_null().to_pylist())

    pairs = [
        ("loans", "client_id", "loan_clients", "client_id"),
        ("loans", "application_id", "applications", "application_id"),
        ("loans", "facility_id", "facilities", "facility_id"),
        ("loans", "replaces_loan_id", "loans", "loan_id"),
        ("transactions", "loan_id", "loans", "loan_id"),
        ("transactions", "reverses_transaction_id", "transactions", "transaction_id"),
        ("facilities", "client_id", "loan_clients", "client_id"),
        ("ratings", "client_id", "loan_clients", "client_id"),
        ("financial_statements", "client_id", "loan_clients", "client_id"),
        ("risk_events", "client_id", "loan_clients", "client_id"),
        ("covenant_tests", "facility_id", "facilities", "facility_id"),
        ("modifications", "loan_id", "loans", "loan_id"),
        ("project_cashflows", "project_id", "projects", "project_id"),
        ("application_events", "application_id", "applications", "application_id"),
        ("clients", "parent_client_id", "clients", "client_id"),
        ("client_links", "from_client_id", "clients", "client_id"),
        ("loan_clients", "crm_reference", "clients", "client_id"),
        ("survey_answers", "invitation_id", "survey_invitations", "invitation_id"),
        ("survey_invitations", "contact_ref", "contacts", "contact_ref"),
        ("product_usage", "holding_id", "product_holdings", "holding_id"),
    ]
    for name, column, target, key in pairs:
        assert values(name, column) <= values(target, key), f"{name}.{column}"


def test_the_world_is_varied() -> None:
    balances = frame("loan_balances")
    assert (balances["dpd_days"] == 0).mean() > 0.8
    edges = [0, 30, 60, 90, 180, 270, 360]
    for low, high in zip(edges, [*edges[1:], 10_000], strict=True):
        assert ((balances["dpd_days"] > low) & (balances["dpd_days"] <= high)).any(), low
    invited = frame("survey_invitations")
    sent = invited["sent_at"].notna() & ~invited["is_bounced"]
    response = frame("survey_answers")["invitation_id"].nunique() / sent.sum()
    assert 0.20 <= response <= 0.30


def test_steps_of_an_application_are_numbered_in_order_of_time() -> None:
    steps = frame("application_events")
    by_application = steps.groupby("application_id")
    assert (by_application["event_no"].transform("cumcount") + 1 == steps["event_no"]).all()
    assert (by_application["entered_at"].diff().dropna() >= pd.Timedelta(0)).all()
    done = steps[steps["exited_at"].notna()]
    assert (done["exited_at"] >= done["entered_at"]).all()


def test_relationships_show_in_behaviour() -> None:
    """Each planted type differs where the assessment will look for it."""
    now = planted()
    kind = now[now["to_date"] >= END].set_index("client_id")["relationship_type"]

    def per_client(name: str, rows: pd.Series) -> pd.Series:
        facts = frame(name)
        count = facts[rows].groupby("client_id").size().reindex(kind.index).fillna(0)
        return count.groupby(kind).mean()

    talks = per_client("interactions", frame("interactions")["is_two_way"])
    assert talks["WIN_WIN"] > 5 * talks["LOOSE"]
    assert talks["MASTER_SERVANT"] > 5 * talks["LOOSE"]
    fights = per_client("cases", frame("cases")["kind"].isin(["legal_action", "dispute"]))
    assert fights["ADVERSARIAL"] > 5 * fights.drop("ADVERSARIAL").max()
    gifts = per_client("concessions", ~frame("concessions")["is_financial_difficulty"])
    assert gifts["MASTER_SERVANT"] > 5 * gifts.drop("MASTER_SERVANT").max()
    families = per_client("product_holdings", frame("product_holdings")["closed_date"].isna())
    assert families["WIN_WIN"] > families.drop("WIN_WIN").max() + 1
