"""The student register and its CSV import."""
