"""How long a network takes, operation by operation and as a whole, on a device of this machine."""
