"""Holds: what keeps results, transcripts or enrolment from a student."""
