"""The heart of SIMS without a process: models, migrations, rules and the job outbox."""
