"""Coursework: assessments of a section with weights, and their scores."""
