"""Transcripts asked for: made, mailed, and written down what became of them."""
