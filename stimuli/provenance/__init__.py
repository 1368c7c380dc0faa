"""Where a clip comes from: what people say, what its file claims, and what is laid over its picture."""
