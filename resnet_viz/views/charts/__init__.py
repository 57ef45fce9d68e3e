"""Plotly charts: costs, memory, latency, trade-offs, feature maps and resolution."""
