"""A small API server, Job controller, storage and engine in memory, for tests."""
