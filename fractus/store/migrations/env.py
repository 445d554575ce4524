"""What Alembic runs: the migrations, on the connection that `fractus.store.migrate` opened, in its transaction."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

connection: Connection = context.config.attributes["connection"]

# What is asked for is done wholly or not at all: SQLite can take back changes of the schema, which Alembic does not
# expect of it, and PostgreSQL can; MariaDB cannot, there each change can be repeated instead (`fractus.store.ddl`).
# Whoever comes second waits for the lock, and only then reads how far the database is.
whole = connection.dialect.name != "mariadb"
context.configure(connection=connection, transactional_ddl=whole, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
