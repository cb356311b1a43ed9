"""The institution's settings."""
