"""SIMS on one machine without Docker: PostgreSQL, Valkey, API, worker and mail catcher."""
