"""What Alembic runs: the migrations, on the connection that `fractus.store.migrate` opened, in one transaction."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

connection: Connection = context.config.attributes["connection"]

# All steps or none: SQLite can take back changes of the schema, which Alembic does not expect of it. Whoever comes
# second waits for the lock, and only then reads how far the database is.
context.configure(connection=connection, transactional_ddl=True, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
