"""One function a kind: reads the world, takes the next step, says when to look again."""
