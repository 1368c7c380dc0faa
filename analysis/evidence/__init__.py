"""Tests, families, controls, claims: from measure tables to a verdict. The numbers' rules are in docs/inference.md."""
