"""Demo data: a college of health sciences, the same rows for the same seed."""
