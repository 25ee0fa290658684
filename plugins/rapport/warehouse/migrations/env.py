"""Alembic environment: our version table stands in ``ctl``, all objects belong to the owner."""

from alembic import context
from sqlalchemy import create_engine, text

SCHEMA = "ctl"

if context.is_offline_mode():
    context.configure(dialect_name="postgresql", literal_binds=True, version_table_schema=SCHEMA)
    with context.begin_transaction():
        context.run_migrations()
else:
    engine = create_engine(context.config.attributes["url"])
    with engine.connect() as connection:
        # Two deployments at once: the second waits here and then finds nothing to do.
        connection.execute(text("select pg_advisory_lock(hashtext('rapport migrations'))"))
        connection.commit()
        context.configure(connection=connection, version_table_schema=SCHEMA)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()
