"""Persons: names, contacts, addresses, identity documents."""
