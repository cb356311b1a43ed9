"""Counters for the first page of each role."""
