#!/usr/bin/env python3
"""Writes inputs for the demo as .npy files: make_inputs.py FOLDER

q, k and v are [batch, heads, len, head_dim]; numpy has no bf16, so those are float32 and Attile rounds them.
"""
import sys
from pathlib import Path

import numpy as np

rng = np.random.default_rng(2026)


def qkv(folder, heads, kv_heads, length, dim):
    folder.mkdir(parents=True, exist_ok=True)
    for name, h in (("q", heads), ("k", kv_heads), ("v", kv_heads)):
        np.save(folder / f"{name}.npy", rng.standard_normal((1, h, length, dim), dtype=np.float32))


def main():
    root = Path(sys.argv[1])
    qkv(root / "full", 4, 4, 2048, 128)
    qkv(root / "gemma2_local", 4, 2, 4096, 256)
    qkv(root / "document", 4, 1, 4096, 128)
    # Twelve packed documents: the id of each position's document, ascending.
    ends = np.sort(rng.choice(np.arange(1, 4096), 11, replace=False))
    np.save(root / "document" / "doc.npy", np.searchsorted(ends, np.arange(4096), side="right").astype(np.int32))


main()
