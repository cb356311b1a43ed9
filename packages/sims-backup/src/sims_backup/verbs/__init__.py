"""One file a verb; each has ``command``, the function that Typer runs."""
