"""Backup engine that proves its backups.

Knows PostgreSQL and object storage, neither SIMS tables nor Kubernetes.
``docs/backup-format.md`` describes what it writes.
"""
