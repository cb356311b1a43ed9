"""Programs and what they are made of."""
