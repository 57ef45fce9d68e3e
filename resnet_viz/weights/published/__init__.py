"""ImageNet's weights, as PyTorch publishes them: which there are, fetched whole and checked."""
