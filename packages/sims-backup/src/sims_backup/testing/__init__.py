"""Real parts for tests and benchmarks: PostgreSQL, versitygw, a faulty network, sudden death."""
