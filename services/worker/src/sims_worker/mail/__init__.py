"""Mail: addresses, messages, and the relay that takes them."""
