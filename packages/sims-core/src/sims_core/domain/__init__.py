"""Rules as pure functions: no session, no clock of their own, no I/O."""
