"""Alembic revisions and how they are run (``sims_core.migrate``)."""
