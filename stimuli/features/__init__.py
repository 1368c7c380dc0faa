"""Low-level features of clips, one small file each; `catalog.py` lists them."""
