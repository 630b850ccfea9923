"""Reads the JSON of `attile bench` on causal attention, 512 x 512, head dim 128, bf16, and checks its arithmetic."""
import json
import sys

r = json.load(sys.stdin)
scores = 512 * 513 // 2
flops = 4 * 128
close = lambda a, b: abs(a - b) <= 1e-6 * abs(b)
assert close(r["gflops_visible"], scores * flops / r["median_ms"] / 1e6), r
assert close(r["gflops_dense"], 512 * 512 * flops / r["median_ms"] / 1e6), r
assert close(r["fraction_of_peak"], r["gflops_visible"] / r["peak_gflops"]), r
assert r["bytes"] == 2 * 4 * 512 * 128 + 4 * 512, r  # q, k, v, o; lse
assert close(r["gbps"], r["bytes"] / r["median_ms"] / 1e6) and close(r["fraction_of_bandwidth"], r["gbps"] / r["peak_gbps"]), r
assert 1 <= r["executed_over_visible"] < 2 and r["compile_ms"] > 0 and r["peak_gflops"] > 1 and r["peak_gbps"] > 0.5, r
assert 0 < r["counting_ms"] < 10 * r["median_ms"] + 100, r
print("consistent")
