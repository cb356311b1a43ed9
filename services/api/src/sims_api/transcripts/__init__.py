"""Transcripts: downloaded, or asked for and mailed by the worker."""
