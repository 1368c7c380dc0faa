"""Which clips there are: from a lab's files to the manifest, and what people add to it."""
