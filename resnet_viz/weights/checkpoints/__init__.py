"""Checkpoints of one's own: read safely, unwrapped, recognised, adapted, with a receipt."""
