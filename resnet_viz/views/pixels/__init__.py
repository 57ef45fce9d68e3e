"""Images made of numbers: mosaics, colour maps, overlays and the size map."""
