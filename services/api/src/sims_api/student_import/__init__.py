"""Students from a CSV file: a preview that changes nothing, then a commit."""
