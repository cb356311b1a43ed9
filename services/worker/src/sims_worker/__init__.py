"""The worker: moves jobs from PostgreSQL into the queue and runs them."""
