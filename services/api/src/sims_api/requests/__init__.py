"""What students ask of the office."""
