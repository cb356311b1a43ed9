"""Grading schemes: scales from percent to letter and points."""
