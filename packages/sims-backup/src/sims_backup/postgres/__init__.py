"""PostgreSQL: connections, tools, catalog, locks, databases and the restore journal."""
