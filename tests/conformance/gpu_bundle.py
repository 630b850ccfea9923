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
ALLOWED = {"linux-vdso.so.1", "libm.so.6", "libc.so.6", "/lib64/ld-linux-x86-64.so.2"}


def run(folder, *words):
    environment = {**os.environ, "ATTILE_EMULATOR": str(BUILD / "lib" / "libattile_emulator.so"), "ATTILE_EMU_QUIET": "1"}
    command = [sys.executable, folder / "run.py", "--device", f"emulator:{TARGET}", "--out", folder / "results", *words]
    status = subprocess.run(command, env=environment).returncode
    return status, json.loads((folder / "results.json").read_text())


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
        assert len(results["benchmarks"]) == 3 and all(row["tflops"] > 0 for row in results["benchmarks"]), results["benchmarks"]
        assert "say nothing" in (folder / "results.md").read_text()
        spoil(folder)
        status, results = run(folder, "--skip-benchmarks")
        assert status == 1 and results["conformance"]["failed"] == 1, "a wrong result was not found"
    print("the bundle works")
    return 0


sys.exit(main())
