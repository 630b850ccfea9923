"""Attention in numpy, and the files that the tests of `attile run` read: an oracle that shares no code with Attile.

    oracle.py make FOLDER          writes q, k, v (f32; bf16 bits; as [batch, len, heads, dim]) and bad files
    oracle.py compare FOLDER DTYPE compares o.npy and lse.npy in FOLDER with causal attention over a window of 40
"""
import sys
from pathlib import Path

import numpy as np

BATCH, HEADS, KV_HEADS, Q, KV, DIM, WINDOW = 2, 6, 2, 67, 131, 64, 40


def to_bf16(x):
    """The bits of bf16, rounded to nearest even."""
    bits = x.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def from_bf16(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


def make(folder):
    rng = np.random.default_rng(7)
    for name, heads, length in (("q", HEADS, Q), ("k", KV_HEADS, KV), ("v", KV_HEADS, KV)):
        x = rng.standard_normal((BATCH, heads, length, DIM), dtype=np.float32)
        np.save(folder / f"{name}.npy", x)
        np.save(folder / f"{name}_bf16.npy", to_bf16(x))
        np.save(folder / f"{name}_bshd.npy", x.transpose(0, 2, 1, 3))
    q = np.load(folder / "q.npy")
    np.save(folder / "q_f64.npy", q.astype(np.float64))
    np.save(folder / "q_f16.npy", q.astype(np.float16))
    np.save(folder / "q_big.npy", q.astype(">f4"))
    np.save(folder / "q_rank3.npy", q[0])
    np.save(folder / "q_dim32.npy", np.ascontiguousarray(q[..., :32]))
    np.save(folder / "k_empty.npy", np.zeros((BATCH, KV_HEADS, 0, DIM), np.float32))
    np.save(folder / "k_heads4.npy", np.zeros((BATCH, 4, KV, DIM), np.float32))
    whole = (folder / "q.npy").read_bytes()
    (folder / "q_cut.npy").write_bytes(whole[: len(whole) // 2])
    (folder / "q_header.npy").write_bytes(whole[:20])
    (folder / "q_text.npy").write_bytes(b"not an array\n" * 100)
    np.save(folder / "slopes.npy", rng.standard_normal(HEADS))
    np.save(folder / "slopes_rank2.npy", np.zeros((HEADS, 1), np.float32))
    np.save(folder / "slopes_short.npy", np.zeros(HEADS - 1, np.float32))


def attention(q, k, v):
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    group = q.shape[1] // k.shape[1]
    k, v = (np.repeat(x, group, axis=1) for x in (k, v))
    s = q @ k.transpose(0, 1, 3, 2) / np.sqrt(q.shape[-1])
    position = np.arange(q.shape[2])[:, None] + k.shape[2] - q.shape[2]
    key = np.arange(k.shape[2])[None, :]
    s = np.where((key <= position) & (position - key < WINDOW), s, -np.inf)
    m = s.max(axis=-1, keepdims=True)
    p = np.exp(s - m)
    return p @ v / p.sum(axis=-1, keepdims=True), (m + np.log(p.sum(axis=-1, keepdims=True)))[..., 0]


def compare(folder, dtype):
    q, k, v = (np.load(folder / f"{name}.npy") for name in "qkv")
    if dtype == "bf16":
        q, k, v = (from_bf16(to_bf16(x)) for x in (q, k, v))
    o, lse = np.load(folder / "o.npy"), np.load(folder / "lse.npy")
    if dtype == "bf16":
        assert o.dtype == np.uint16, o.dtype
        o = from_bf16(o)
    if dtype == "bshd":
        o = o.transpose(0, 2, 1, 3)
    want, want_lse = attention(q, k, v)
    error = np.linalg.norm(o - want) / np.linalg.norm(want)
    lse_error = np.abs(lse - want_lse).max()
    good = error < (4e-3 if dtype == "bf16" else 2e-6) and lse_error < 4e-6 * 4
    print(f"{'same' if good else 'DIFFERENT'} as numpy: {error:.2e}, lse {lse_error:.2e}")


if __name__ == "__main__":
    path = Path(sys.argv[2])
    path.mkdir(parents=True, exist_ok=True)
    make(path) if sys.argv[1] == "make" else compare(path, sys.argv[3])
