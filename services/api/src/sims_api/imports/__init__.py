"""Imports from CSV: one framework, each import a declaration (``importer.Importer``)."""
