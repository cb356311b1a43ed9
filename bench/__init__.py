"""Measurements, printed as ratios. Never part of the tests: machines differ, ratios less."""
