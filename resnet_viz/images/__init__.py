"""Images: decoding files safely, preprocessing them for a network, samples and drawn patterns."""
