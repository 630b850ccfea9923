#!/usr/bin/env python3
"""Measures the table of docs/results.md: run.py [--write] [--only TEXT]

Each row is one `attile bench`, so peaks are measured beside every kernel. --write puts the table into the document.
"""
import argparse
import array
import datetime
import json
import os
import platform
import re
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENT = ROOT / "docs" / "results.md"
CPUS = len(os.sched_getaffinity(0))
LONG = "b=1,hq=1,q=16384,kv=16384"
SQUARE = "b=1,hq=4,q=4096,kv=4096"
DECODE = "b=1,hq=32,hkv=4,q=1,kv=32768"

# name, spec, dtype, head dim, shape, threads, params, what it must reach
ROWS = [
    ("full", "full", "f32", 128, SQUARE, 1, [], "76 % of peak"),
    ("full", "full", "f32", 128, SQUARE, 2, [], "76 % of peak"),
    ("full", "full", "f32", 64, SQUARE, 2, [], "68 % of peak"),
    ("full", "full", "bf16", 128, SQUARE, 2, [], "55 % of peak"),
    ("ALiBi", "alibi", "bf16", 128, SQUARE, 2, [], "85 % of its plain rate"),
    ("soft-cap", "softcap", "bf16", 128, SQUARE, 2, [], "85 % of its plain rate"),
    ("documents", "document", "bf16", 128, SQUARE, 2, ["doc=@documents.npy"], "85 % of its plain rate"),
    ("full, 16k", "full", "f32", 128, LONG, 2, [], ""),
    ("causal, 16k", "causal", "f32", 128, LONG, 2, [], "85 % of full; executed 1.1x"),
    ("window 512, 16k", "sliding_window", "f32", 128, LONG, 2, ["window=512"], "85 % of full; executed 1.25x"),
    ("decode, 32k", "full", "bf16", 128, DECODE, 2, [], "80 % of bandwidth"),
]


def open_spec(name, folder):
    """The example without dtype and head_dim, so that the table chooses them."""
    text = (ROOT / "examples" / f"{name}.attn").read_text()
    path = Path(folder) / f"{name}.attn"
    path.write_text(re.sub(r"(^|\n)\s*(dtype|head_dim)\b[^\n]*", r"\1", text))
    return path


def write_documents(path, length, document):
    """Ids of packed documents, int32, as .npy."""
    ids = array.array("i", (i // document for i in range(length)))
    header = f"{{'descr': '<i4', 'fortran_order': False, 'shape': ({length},), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + ids.tobytes())


def measure(row, folder):
    name, spec, dtype, dim, shape, threads, params, _ = row
    command = [ROOT / "build/bin/attile", "bench", open_spec(spec, folder), "--json", "--dtype", dtype]
    command += ["--head-dim", str(dim), "--shape", shape, "--threads", str(min(threads, CPUS))]
    for param in params:
        command += ["--param", param.replace("@", f"@{folder}/")]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def table(rows):
    columns = "| kernel | dtype | d | shape | threads | ms | GFLOP/s visible | of peak | executed | GB/s | of bandwidth | must |"
    yield columns
    yield "|" + "---|" * (columns.count("|") - 1)
    with tempfile.TemporaryDirectory() as folder:
        write_documents(Path(folder) / "documents.npy", 4096, 1024)
        for row in rows:
            name, _, dtype, dim, shape, _, _, must = row
            r = measure(row, folder)
            yield (
                f"| {name} | {dtype} | {dim} | {shape} | {r['threads']} | {r['median_ms']:.2f} | {r['gflops_visible']:.0f} "
                f"| {100 * r['fraction_of_peak']:.0f} % | {r['executed_over_visible']:.2f} | {r['gbps']:.1f} "
                f"| {100 * r['fraction_of_bandwidth']:.0f} % | {must} |"
            )


def cpu_name():
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return models[0].split(":", 1)[1].strip() if models else platform.processor()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--only", default="", help="rows whose name has this text")
    options = parser.parse_args()
    lines = []
    for line in table([row for row in ROWS if options.only in row[0]]):
        print(line, flush=True)
        lines.append(line)
    if options.write:
        begin, end = "<!-- measured -->", "<!-- /measured -->"
        text = DOCUMENT.read_text()
        block = f"{begin}\n{datetime.date.today()}, {cpu_name()}, {CPUS} threads.\n\n" + "\n".join(lines) + f"\n{end}"
        DOCUMENT.write_text(re.sub(f"{begin}.*{end}", lambda _: block, text, flags=re.S))


main()
