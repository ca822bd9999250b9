"""Mutation at scale: mutated tasks by the million, and how many tasks the programs solve."""
