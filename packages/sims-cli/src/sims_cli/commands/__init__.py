"""One file a command: its options, and the import of what it needs once it runs."""
