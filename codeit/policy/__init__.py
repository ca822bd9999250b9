"""The policy: its tokens, its model, and how programs are sampled from it."""
