"""The plan of a study: its schema, its checks, what it can decide, its canonical bytes.

Read and check a plan with `read_plan`; `resolved` fills in what the plan leaves open, and `plan_sha256` is
the hash of that.
"""
