"""Whether a transcript is real: answered to anybody who holds its address."""
