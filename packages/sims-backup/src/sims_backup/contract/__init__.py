"""What others may rely on: manifest, results, exit codes; imports no driver or client."""
