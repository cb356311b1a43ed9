"""The audit trail: what a request adds to it, and how it is read."""
