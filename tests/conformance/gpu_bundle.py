#!/usr/bin/env python3
"""Makes a small GPU bundle, and runs it as its user would, on the emulated GPU: right, and wrong where it should be.

    gpu_bundle.py SOURCE BUILD
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE, BUILD = map(Path, sys.argv[1:])
TARGET, CASES = "sm_90a", 4
ROWS = 14  # seven variants, two of them without each of three parts, and decoding
ALLOWED = {"linux-vdso.so.1", "libm.so.6", "libc.so.6", "/lib64/ld-linux-x86-64.so.2"}


EMULATOR = str(BUILD / "lib" / "libattile_emulator.so")


def run(folder, *words, device=f"emulator:{TARGET}", **variables):
    environment = {**os.environ, "ATTILE_EMULATOR": EMULATOR, "ATTILE_EMU_QUIET": "1", **variables}
    command = [sys.executable, folder / "run.py", "--device", device, "--out", folder / "results", *words]
    status = subprocess.run(command, env=environment).returncode
    return status, json.loads((folder / "results.json").read_text())


def run_with_torch(folder):
    """As on a machine with a GPU and PyTorch: the emulator is the driver, and PyTorch one that counts what masks let through."""
    log = folder / "torch.log"
    status, results = run(folder, "--seconds", "0.01", device="cuda:0", ATTILE_CUDA_DRIVER=EMULATOR, ATTILE_EMU_TARGET=TARGET,
                          PYTHONPATH=str(SOURCE / "tests" / "conformance" / "fake_torch"), FAKE_TORCH_LOG=str(log))
    assert status == 0 and results["torch"]["gpu"] == "a fake GPU", results["torch"]
    assert any("matmul_tflops" in peak for peak in results["peaks"]), results["peaks"]
    cases = {case["name"]: case for case in json.loads((folder / "benchmarks" / "cases.json").read_text())}
    assert len(results["benchmarks"]) == len(cases) == ROWS
    calls = [json.loads(line) for line in dict.fromkeys(log.read_text().splitlines())]
    for row in results["benchmarks"]:
        case, others = cases[row["name"]], row["others"]
        if "whole" in case:  # what a kernel is without a part of it, beside itself
            assert set(others) == {"WHOLE"} and isinstance(others["WHOLE"], float), row
            continue
        named = lambda text: isinstance(others.get(text), float)
        masked, capped = case["variant"] in ("window", "document", "prefix"), case["variant"] in ("softcap", "alibi")
        assert named("FLEX"), row
        assert capped or (named("MATH") and named("EFFICIENT") and named("FLASH") != masked), row
        assert capped or "no such backend" in others["CUDNN"], row
        assert set(row["ratios"]) == {name for name, value in others.items() if isinstance(value, float)}
    for case in (case for case in cases.values() if "whole" not in case):  # every backend sees the scores that Attile sees
        shape = case["shape"]
        visible = case["flops"] // (4 * case["head_dim"] * shape["b"] * shape["hq"])
        wanted = {"q": [shape["b"], shape["hq"], shape["q"], case["head_dim"]], "k": [shape["b"], shape["hkv"], shape["kv"], case["head_dim"]], "visible": visible}
        backends = {call["backend"] for call in calls if {**call, **wanted} == call}
        assert "FLEX" in backends and (case["variant"] in ("softcap", "alibi") or {"MATH", "EFFICIENT_ATTENTION"} <= backends), (case, calls)
    text = (folder / "results.md").read_text()
    assert "FLASH ms (Attile's speed)" in text and "No available kernel" in text, text


def check_needs(program):
    """Nothing but libc: where sanitizers are not linked in."""
    needs = {line.split()[0] for line in subprocess.run(["ldd", program], stdout=subprocess.PIPE, text=True).stdout.splitlines()}
    assert needs <= ALLOWED or any("san" in need for need in needs), f"{program} needs {needs - ALLOWED}"


def spoil(folder):
    """One number of what is expected of the first case."""
    case = json.loads((folder / "conformance" / "cases.json").read_text())[0]
    file = folder / "conformance" / case["expected"]["o"]
    data = bytearray(file.read_bytes())
    data[-4:] = b"\x00\x00\xc8\x42"  # 100.0
    file.write_bytes(data)


def main():
    devices = json.loads(subprocess.run([BUILD / "bin" / "attile", "devices", "--json"], stdout=subprocess.PIPE).stdout)
    if not all(tool["available"] for tool in devices["tools"] if tool["name"] == "nvrtc"):
        print("skipped: no NVRTC")
        return 77
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "bundle"
        make = [sys.executable, SOURCE / "tools" / "gpu-bundle" / "make.py", "--bin", BUILD / "bin", "--out", folder]
        subprocess.run([*make, "--small", "--cases", str(2 * CASES), "--targets", TARGET], check=True)
        check_needs(folder / "attile-run")
        status, results = run(folder)
        assert status == 0 and results["conformance"]["failed"] == 0, results["conformance"]
        assert results["conformance"]["passed"] >= CASES, "the bundle has hardly any cases"
        assert len(results["benchmarks"]) == ROWS and all(row["tflops"] > 0 for row in results["benchmarks"]), results["benchmarks"]
        assert "say nothing" in (folder / "results.md").read_text()
        run_with_torch(folder)
        spoil(folder)
        status, results = run(folder, "--skip-benchmarks")
        assert status == 1 and results["conformance"]["failed"] == 1, "a wrong result was not found"
    print("the bundle works")
    return 0


sys.exit(main())
