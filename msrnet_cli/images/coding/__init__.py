"""How each format holds its pixels: what Pillow does not read, write or tell right."""
