"""Voxelwise group inference: exact cluster enhancement, permutations, equivalence maps."""
