"""The ways from one revision of the schema to the next; read by alembic."""
