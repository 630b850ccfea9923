#!/usr/bin/env python3
"""Tries Attile on this machine's GPU: right results first, then times beside PyTorch's, all in one run.

    python3 run.py [--device cuda:0] [--only PART_OF_A_NAME] [--out results] [--skip-torch] [--skip-benchmarks]

Needs NVIDIA's driver. PyTorch is compared with where it is there; what it lacks is said, and no error. Writes
results.md and results.json. The status is 1 if a result was wrong.
"""
import argparse
import array
import json
import lzma
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def read_ids(file):
    """A .npy file of int32 in one dimension, as make.py writes it."""
    data = file.read_bytes()
    ids = array.array("i")
    ids.frombytes(data[10 + int.from_bytes(data[8:10], "little"):])
    return ids.tolist()


def attile_run(args, *words):
    """Calls attile-run; its lines as objects, and its status."""
    done = subprocess.run([str(HERE / "attile-run"), *map(str, words), "--device", args.device], stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()], done.returncode


def unpack():
    """Packages and numbers lie compressed in the folder, beside which they are unpacked once."""
    for packed in sorted(HERE.rglob("*.xz")):
        file = packed.with_suffix("")
        if file.exists():
            continue
        part = file.with_name(file.name + ".part")
        try:
            part.write_bytes(lzma.decompress(packed.read_bytes()))
            os.replace(part, file)
        except (OSError, lzma.LZMAError) as error:
            sys.exit(f"error: cannot unpack {packed}: {error}")


# ---- conformance ---------------------------------------------------------------------------------------


def check_conformance(args):
    lines, status = attile_run(args, "check", HERE / "conformance" / "cases.json", "--only", args.only)
    if not lines:
        sys.exit(f"error: attile-run gives {status}; see above")
    *cases, summary = lines
    for case in cases:
        if not case["ok"]:
            print("FAILED", json.dumps(case))
    worst = max((case["rel_err"] / case["bound"] for case in cases if "rel_err" in case), default=0)
    print(f"conformance: {summary['passed']} passed, {summary['failed']} failed; worst error {worst:.2f} of its bound")
    return {"passed": summary["passed"], "failed": summary["failed"], "worst_error_over_bound": worst, "cases": cases}


# ---- PyTorch -------------------------------------------------------------------------------------------


class Torch:
    """PyTorch on the same GPU. Every measurement gives milliseconds, or a text that says why there are none."""

    def __init__(self, device):
        import torch

        if not torch.cuda.is_available():
            raise RuntimeError("PyTorch finds no GPU")
        self.torch = torch
        torch.cuda.set_device(device)
        self.about = {"torch": torch.__version__, "cuda": torch.version.cuda, "gpu": torch.cuda.get_device_name()}

    def time(self, work, seconds=0.3, batches=15):
        """As attile-run does it: the median of batches of calls, each batch between two events, warmed up."""
        torch = self.torch
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)

        def batch(count):
            begin.record()
            for _ in range(count):
                work()
            end.record()
            end.synchronize()
            return begin.elapsed_time(end) / count

        for _ in range(3):
            work()
        count = max(1, min(1000, int(1000 * seconds / batches / max(batch(3), 1e-3))))
        return statistics.median(batch(count) for _ in range(batches))

    def attempt(self, make):
        """`make` gives the work to time; what it lacks becomes a text."""
        try:
            with self.torch.no_grad():
                return self.time(make())
        except Exception as error:  # a backend that is not there, an unsupported shape, memory
            return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200]

    def peaks(self):
        torch = self.torch
        n, elements = 8192, 1 << 29
        a, b = (torch.randn(n, n, device="cuda", dtype=torch.bfloat16) for _ in range(2))
        product = self.attempt(lambda: lambda: torch.mm(a, b))
        source = torch.empty(elements, device="cuda", dtype=torch.uint8)
        target = torch.empty_like(source)
        copy = self.attempt(lambda: lambda: target.copy_(source))
        return {
            "matmul_tflops": 2 * n**3 / product / 1e9 if isinstance(product, float) else product,
            "copy_gbps": 2 * elements / copy / 1e6 if isinstance(copy, float) else copy,
        }

    def operands(self, case):
        shape, dim = case["shape"], case["head_dim"]
        make = lambda heads, length: self.torch.randn(shape["b"], heads, length, dim, device="cuda", dtype=self.torch.bfloat16)
        return make(shape["hq"], shape["q"]), make(shape["hkv"], shape["kv"]), make(shape["hkv"], shape["kv"])

    def mask_of(self, case, doc):
        """mask(q, k) of positions, as the specs have it; nothing where every key is visible."""
        variant, offset = case["variant"], case["shape"]["kv"] - case["shape"]["q"]
        causal = lambda q, k: k <= q + offset
        if variant in ("full", "decode"):
            return None
        if variant == "prefix":
            return lambda q, k: (k < 512) | (k <= q + offset)
        if variant == "window":
            return lambda q, k: (k <= q + offset) & (q + offset - k < 1024)
        if variant == "document":
            return lambda q, k: (doc[q + offset] == doc[k]) & (k <= q + offset)
        return causal

    def sdpa(self, case, doc):
        """Each backend of scaled_dot_product_attention; it has no scores of one's own."""
        from torch.nn.attention import SDPBackend, sdpa_kernel

        torch, results = self.torch, {}
        if case["variant"] in ("softcap", "alibi"):
            return results
        q, k, v = self.operands(case)
        causal = case["variant"] == "causal"
        mask = None if causal else self.mask_of(case, doc)
        if mask is not None:
            index = lambda length: torch.arange(length, device="cuda")
            mask = mask(index(case["shape"]["q"])[:, None], index(case["shape"]["kv"])[None, :])
        grouped = {"enable_gqa": True} if q.shape[1] != k.shape[1] else {}
        call = lambda: torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal, **grouped)

        for name, backend in (("FLASH", "FLASH_ATTENTION"), ("CUDNN", "CUDNN_ATTENTION"), ("EFFICIENT", "EFFICIENT_ATTENTION"), ("MATH", "MATH")):
            if not hasattr(SDPBackend, backend):
                results[name] = "this PyTorch has no such backend"
                continue
            if name == "MATH" and case["shape"]["q"] > 4096:
                continue  # it would fill the memory with scores
            with sdpa_kernel(getattr(SDPBackend, backend)):
                results[name] = self.attempt(lambda: call)
        return results

    def flex(self, case, doc):
        def make():
            from torch.nn.attention.flex_attention import create_block_mask, flex_attention

            q, k, v = self.operands(case)
            options = {"enable_gqa": True} if q.shape[1] != k.shape[1] else {}
            mask = self.mask_of(case, doc)
            if mask is not None:
                shape = case["shape"]
                options["block_mask"] = create_block_mask(lambda b, h, q, k: mask(q, k), None, None, shape["q"], shape["kv"], device="cuda")
            if case["variant"] == "softcap":
                options["score_mod"] = lambda s, b, h, q, k: 50.0 * self.torch.tanh(s / 50.0)
            if case["variant"] == "alibi":
                heads = case["shape"]["hq"]
                options["score_mod"] = lambda s, b, h, q, k: s - self.torch.exp2(-8.0 * (h + 1) / heads) * (q - k)
            compiled = self.torch.compile(flex_attention, dynamic=False)
            return lambda: compiled(q, k, v, **options)

        return {"FLEX": self.attempt(make)}

    def all(self, case):
        doc = None
        if case["variant"] == "document":
            doc = self.torch.tensor(read_ids(HERE / "benchmarks" / case["tensors"]["doc"]), device="cuda", dtype=self.torch.int32)
        try:
            results = self.sdpa(case, doc)
        except Exception as error:  # an old PyTorch
            results = {"SDPA": f"{type(error).__name__}: {error}"[:200]}
        results.update(self.flex(case, doc))
        self.torch.cuda.empty_cache()
        return results


def open_torch(args):
    if args.skip_torch or not args.device.startswith("cuda"):
        return None, "not asked for"
    try:
        return Torch(args.device if ":" in args.device else "cuda:0"), ""
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"


# ---- benchmarks ----------------------------------------------------------------------------------------


def bytes_of(case):
    """What has to move at least: queries, keys, values and outputs once, in bf16."""
    shape, dim = case["shape"], case["head_dim"]
    return 2 * dim * shape["b"] * (2 * shape["hq"] * shape["q"] + 2 * shape["hkv"] * shape["kv"])


def benchmark(args, torch):
    """Case by case, Attile and then PyTorch, so that both meet the same clocks and temperatures."""
    rows, whole = [], {}
    for case in json.loads((HERE / "benchmarks" / "cases.json").read_text()):
        if args.only not in case["name"]:
            continue
        lines, _ = attile_run(args, "time", HERE / "benchmarks" / "cases.json", "--only", case["name"], "--seconds", args.seconds)
        attile = next((line for line in lines if line["name"] == case["name"]), {"error": "attile-run says nothing"})
        others = {"WHOLE": whole.get(case["whole"], "was not measured")} if "whole" in case else torch.all(case) if torch else {}
        row = {"name": case["name"], "shape": case["shape"], "attile": attile, "others": others}
        if "ms" in attile and attile["ms"] > 0:
            whole[case["name"]] = attile["ms"]
            row["tflops"] = case["flops"] / attile["ms"] / 1e9
            row["gbps"] = bytes_of(case) / attile["ms"] / 1e6
            row["ratios"] = {name: ms / attile["ms"] for name, ms in row["others"].items() if isinstance(ms, float)}
        rows.append(row)
        print(f"  {line_of(row)}", flush=True)
    return rows


def line_of(row):
    if "error" in row["attile"]:
        return f"{row['name']}: {row['attile']['error']}"
    others = ", ".join(f"{name} {ratio:.2f}x" for name, ratio in row.get("ratios", {}).items())
    return f"{row['name']}: {row['attile']['ms']:.4f} ms, {row.get('tflops', 0):.1f} TFLOP/s, {row.get('gbps', 0):.0f} GB/s" + (f"; speed against {others}" if others else "")


# ---- results -------------------------------------------------------------------------------------------


def about_machine(args):
    device, _ = attile_run(args, "device")
    try:
        smi = subprocess.run(["nvidia-smi", "--query-gpu=name,driver_version,clocks.max.sm,power.limit", "--format=csv,noheader"],
                             stdout=subprocess.PIPE, text=True).stdout.strip()
    except OSError:
        smi = "no nvidia-smi"
    return {"time": time.strftime("%Y-%m-%d %H:%M:%S"), "host": platform.platform(), "device": device[0] if device else {}, "nvidia_smi": smi}


def table(results):
    names = sorted({name for row in results["benchmarks"] for name in row["others"]})
    out = ["| case | Attile ms | spread | TFLOP/s | GB/s |" + "".join(f" {name} ms (Attile's speed) |" for name in names), "|---" * (5 + len(names)) + "|"]
    for row in results["benchmarks"]:
        attile = row["attile"]
        cells = [row["name"], attile["error"].splitlines()[0]] + [""] * 3 if "error" in attile else [
            row["name"], f"{attile['ms']:.4f}", f"{100 * attile['spread']:.1f} %", f"{row.get('tflops', 0):.1f}", f"{row.get('gbps', 0):.0f}"]
        for name in names:
            ms = row["others"].get(name)
            cells.append(f"{ms:.4f} ({row['ratios'][name]:.2f}x)" if isinstance(ms, float) and "ratios" in row else "-")
        out.append("| " + " | ".join(cells) + " |")
    return "\n".join(out)


def lacks(results):
    """What could not be compared with, each reason once."""
    reasons = {f"- {name}: {why}" for row in results["benchmarks"] for name, why in row["others"].items() if isinstance(why, str)}
    return "\n".join(sorted(reasons))


def report(results):
    conformance, machine = results["conformance"], results["machine"]
    parts = [f"# Attile on {machine['device'].get('description', '?')}", f"{machine['time']}, {machine['nvidia_smi']}, {machine['host']}; PyTorch: {results['torch']}",
             f"Conformance: {conformance['passed']} passed, {conformance['failed']} failed."]
    parts += [f"FAILED {case['name']}: {case.get('error', case)}" for case in conformance["cases"] if not case["ok"]]
    if results["peaks"]:
        parts.append("Peaks: " + "; ".join(json.dumps(peak) for peak in results["peaks"]))
    if results["benchmarks"]:
        emulated = any(row["attile"].get("emulated") for row in results["benchmarks"])
        note = "**An emulated GPU: its times say nothing.**" if emulated else "Times are medians by events, in one run; bf16; a ratio above 1 says that Attile is faster."
        parts += [note, table(results), lacks(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--only", default="", help="a part of the names of the cases to take")
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--seconds", type=float, default=0.3, help="to time each case for")
    parser.add_argument("--skip-torch", action="store_true")
    parser.add_argument("--skip-benchmarks", action="store_true")
    args = parser.parse_args()
    unpack()
    torch, why_not = open_torch(args)
    results = {"machine": about_machine(args), "torch": torch.about if torch else why_not, "conformance": check_conformance(args), "peaks": [], "benchmarks": []}
    if not torch:
        print(f"PyTorch is not compared with: {why_not}")
    if not args.skip_benchmarks:
        results["peaks"] = attile_run(args, "peaks")[0] + ([torch.peaks()] if torch else [])
        results["benchmarks"] = benchmark(args, torch)
    args.out.with_suffix(".json").write_text(json.dumps(results, indent=1))
    args.out.with_suffix(".md").write_text(report(results))
    print(f"wrote {args.out.with_suffix('.md')} and {args.out.with_suffix('.json')}")
    return 1 if results["conformance"]["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
