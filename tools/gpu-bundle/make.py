#!/usr/bin/env python3
"""Makes the folder that a machine with a GPU needs to try Attile, and a .tar of it.

    make.py --bin build/bin --out build/gpu-bundle [--targets sm_80,sm_90a] [--cases 60] [--small]

The folder has attile-run, packages (machine code and PTX), conformance cases with their inputs and what is expected,
benchmarks, and run.py, which does it all there. Packages and numbers are compressed, which run.py undoes; conformance
cases are left out from the end until the folder is small enough. `--small` makes a few of each, for a test.
"""
import argparse
import array
import json
import lzma
import random
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
MOST_MIB = 64
TOKENS, WIDTH = 16384, 2048  # of each launch: batch * length, heads * head_dim
SMALL = 96  # the length where everything is small
VARIANTS = ("full", "causal", "window", "softcap", "document", "alibi", "prefix")
ABLATIONS = ("warpgroups", "overlap", "ping-pong")  # what is left out to measure its worth


def call(*command):
    """Runs a program of the build; its output."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"error: {' '.join(map(str, command))} gives {done.returncode}\n{done.stdout}")
    return done.stdout


def save_documents(file, length):
    """Ascending ids of four documents, as numpy.save writes them."""
    ends = sorted(random.Random(length).sample(range(1, length), 3))
    ids = array.array("i", (sum(end <= i for end in ends) for i in range(length)))
    header = f"{{'descr': '<i4', 'fortran_order': False, 'shape': ({length},), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    file.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + ids.tobytes())


def make_conformance(args, folder):
    """Cases of the conformance table that are right on this CPU."""
    call(args.bin / "attile-conformance", "--device", "cpu", "--sample=pairwise", "--seed", args.seed, "--most", args.cases,
         "--export", folder, "--export-target", args.targets, "--export-mib", args.conformance_mib)
    return len(json.loads((folder / "cases.json").read_text()))


def square(args, dim, length):
    if args.small:
        return {"b": 1, "hq": 1, "hkv": 1, "q": SMALL, "kv": SMALL}
    heads = WIDTH // dim
    return {"b": max(TOKENS // length, 1), "hq": heads, "hkv": heads, "q": length, "kv": length}


def problems(args):
    """What is timed: variant, head_dim, the sizes of the launch, and what the kernel does without."""
    for variant in VARIANTS:
        plain = variant in ("full", "causal")
        for dim in (64, 128, 256) if plain and not args.small else (64, 128) if not args.small else (64,):
            for length in (2048, 4096, 8192, 16384, 32768) if plain else (2048, 8192, 16384):
                yield variant, dim, square(args, dim, length), ""
                if args.small:
                    break
        for without in ABLATIONS if plain else ():
            for dim in (64, 128) if not args.small else (64,):
                yield variant, dim, square(args, dim, 8192), without
    decode = {"b": 16, "hq": 32, "hkv": 4, "q": 1, "kv": 32768} if not args.small else {"b": 1, "hq": 8, "hkv": 1, "q": 1, "kv": 256}
    yield "full", 128 if not args.small else 64, decode, ""


def visible_scores(args, spec, dim, shape, params):
    command = [args.bin / "attile", "explain", spec, "--dtype", "bf16", "--head-dim", dim, "--json", "--shape",
               ",".join(f"{key}={value}" for key, value in shape.items())]
    for name, file in params.items():
        command += ["--param", f"{name}=@{file}"]
    return json.loads(call(*command))["scores_visible"]


def make_benchmarks(args, folder):
    (folder / "packages").mkdir(parents=True)
    cases = []
    for variant, dim, shape, without in problems(args):
        spec = HERE / "specs" / f"{variant}.attn"
        package = f"packages/{variant}-{dim}{'-no-' + without if without else ''}.pkg"
        if not (folder / package).exists():
            call(args.bin / "attile", "build", spec, "--dtype", "bf16", "--head-dim", dim, "--target", args.targets, "-o", folder / package,
                 *([f"--no-{without}"] if without else []))
        tensors = {}
        if variant == "document":
            tensors["doc"] = f"doc-{shape['kv']}.npy"
            save_documents(folder / tensors["doc"], shape["kv"])
        visible = visible_scores(args, spec, dim, shape, {name: folder / file for name, file in tensors.items()})
        kind = "decode" if shape["q"] == 1 else variant
        name = f"{kind} d={dim} kv={shape['kv']}"
        cases.append({"name": f"{name} without {without}" if without else name, "variant": kind, "head_dim": dim, "shape": shape,
                      "package": package, "tensors": tensors, "flops": 4 * dim * visible, **({"whole": name} if without else {})})
    (folder / "cases.json").write_text(json.dumps(cases, indent=1))
    return len(cases)


def compress(folder):
    """Text and tables of packages come to a tenth; run.py unpacks them."""
    for file in [*folder.rglob("*.pkg"), *folder.rglob("*.npy")]:
        file.with_name(file.name + ".xz").write_bytes(lzma.compress(file.read_bytes()))
        file.unlink()


def leave_out(folder, most_mib):
    """Drops the last cases, and packages that no case is left of, until everything has at most that size."""
    conformance = folder / "conformance"
    cases = json.loads((conformance / "cases.json").read_text())
    dropped = 0
    while cases and mib(folder) > most_mib:
        last = cases.pop()
        dropped += 1
        for name in [*last["tensors"].values(), *last["expected"].values()]:
            (conformance / f"{name}.xz").unlink()
        if all(case["package"] != last["package"] for case in cases):
            (conformance / f"{last['package']}.xz").unlink()
    (conformance / "cases.json").write_text(json.dumps(cases, indent=1))
    return dropped


def pack(folder):
    archive = folder.with_name(folder.name + ".tar")
    with tarfile.open(archive, "w") as tar:
        tar.add(folder, folder.name)
    return archive


def mib(*paths):
    files = [file for path in paths for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()]
    return sum(file.stat().st_size for file in files) / 2**20


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=Path, required=True, help="the folder of the build's programs")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--targets", default="sm_80,sm_90a")
    parser.add_argument("--cases", type=int, default=60, help="of the conformance table, at most")
    parser.add_argument("--conformance-mib", type=float, default=300, help="no case is added beyond this size before compression")
    parser.add_argument("--most-mib", type=float, default=MOST_MIB, help="of the folder")
    parser.add_argument("--seed", type=int, default=20261120)
    parser.add_argument("--small", action="store_true", help="few cases, small ones")
    args = parser.parse_args()
    shutil.rmtree(args.out, ignore_errors=True)
    args.out.mkdir(parents=True)
    conformance = make_conformance(args, args.out / "conformance")
    benchmarks = make_benchmarks(args, args.out / "benchmarks")
    shutil.copy2(args.bin / "attile-run", args.out)
    subprocess.run(["strip", args.out / "attile-run"], check=True)
    shutil.copy2(HERE / "run.py", args.out)
    (args.out / "README.md").write_text("On a machine with an NVIDIA GPU: `python3 run.py` (PyTorch, where it is there, is compared with).\n")
    compress(args.out)
    dropped = leave_out(args.out, args.most_mib)
    if dropped:
        print(f"{dropped} of {conformance} conformance cases are left out: {args.most_mib} MiB are full")
    conformance -= dropped
    archive = pack(args.out)
    size = mib(args.out)
    print(f"{args.out}: {conformance} conformance cases, {benchmarks} benchmarks for {args.targets}, {size:.1f} MiB; {archive.name} {mib(archive):.1f} MiB")
    if size > args.most_mib:
        sys.exit(f"error: the folder has {size:.1f} MiB, at most {args.most_mib} are allowed; give fewer --targets")


if __name__ == "__main__":
    main()
