"""Exams: what is marked, by which rule, and the marks grid."""
