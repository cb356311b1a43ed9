"""The legacy modules: old addresses and field names over the same rows.

See docs/CANONICAL_MODULES.md.
"""
