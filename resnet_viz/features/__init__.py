"""Features: what the layers of a network compute from an image, and which pixels that depends on."""
