"""Observers that ride on the attention calls of a forward pass: one file each."""
