"""Results, as far as a transcript needs them."""
