"""Rooms, sessions, clashes, calendar feeds."""
