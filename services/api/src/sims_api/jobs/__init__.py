"""Background jobs: seen, put back, cancelled."""
