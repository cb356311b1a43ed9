"""``sims smoke``: a run through the product by an account that exists for that run only."""
