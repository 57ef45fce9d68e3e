"""Sizing: what another input size or another network changes, and what to do about it."""
