"""The block graph: which parts are open, where they stand, how they look, and the drawing."""
