"""Alembic migrations, loaded as files from inside the package."""
