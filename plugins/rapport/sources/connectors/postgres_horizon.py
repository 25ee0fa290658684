"""What a PostgreSQL source says of its clock and open transactions, before the snapshot."""

from __future__ import annotations

import psycopg

from rapport.sources.connectors import Horizon

# autovacuum never writes a business row, and runs for hours.
_OBSERVED = """
select
  (
    select min(xact_start) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()
      and backend_type <> 'autovacuum worker'
  ),
  (select count(*) from pg_prepared_xacts where database = current_database()),
  pg_is_in_recovery(),
  pg_has_role(current_user, 'pg_read_all_stats', 'usage'),
  current_setting('track_activities')::boolean and not exists (
    select from pg_stat_activity where datname = current_database() and state = 'disabled'
  )
"""


def observe(connection: psycopg.Connection) -> Horizon:
    """Read the clock, then the oldest open transaction; the connection must autocommit.

    In this order: what begins after the clock was read starts later, what began before is seen or
    has committed. The start of a prepared transaction is nowhere to be read, so those are counted.
    """
    now = connection.execute("select clock_timestamp()").fetchone()
    row = connection.execute(_OBSERVED).fetchone()
    assert now is not None
    assert row is not None
    oldest, prepared, is_replica, sees_others, is_tracked = row
    blind = None
    if is_replica:
        blind = "the source is a replica, which does not know the open transactions of its primary"
    elif not sees_others:
        blind = "the reader may not see the transactions of others: grant pg_read_all_stats to it"
    elif not is_tracked:
        blind = "track_activities is off in the source, so open transactions are not shown"
    return Horizon(now[0], oldest, prepared, blind)
