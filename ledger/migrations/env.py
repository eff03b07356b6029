"""Alembic's way in: `ledger.database.migrate` hands over an open connection inside a transaction."""

from alembic import context

from ledger.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
