"""Costs: shapes, MACs, memory and receptive fields in closed form at any size; measured latency."""
