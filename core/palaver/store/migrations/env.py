"""What alembic runs to apply revisions; `palaver.store.migrate` gives it the connection."""

from alembic import context

from palaver.store.schema import metadata

# render_as_batch: SQLite alters a table by making it anew
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
