"""Features: what the layers of a network compute from an image, and the pixels that matter."""
