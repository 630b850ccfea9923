#!/usr/bin/env python3
"""Installs the emulator, runs a kernel with the installed tool, and opens the library from a C program: install_test.py BUILD CC"""
import subprocess
import sys
import tempfile
from pathlib import Path

build, cc = sys.argv[1:]

KERNEL = """.version 8.0
.target sm_80
.address_size 64
.visible .entry number(.param .u64 out) {
  .reg .b32 %r;
  .reg .b64 %a;
  ld.param.u64 %a, [out];
  mov.u32 %r, 42;
  st.global.u32 [%a], %r;
  ret;
}
"""

PROGRAM = """
#include <attile_emulator.h>
#include <dlfcn.h>
int main(int argc, char** argv) {
  void* library = argc == 2 ? dlopen(argv[1], RTLD_NOW) : 0;
  const char* (*set)(const char*, const char*) = library ? dlsym(library, "attileEmuSetOption") : 0;
  int (*init)(unsigned) = library ? dlsym(library, "cuInit") : 0;
  return set && init && !set("target", "sm_80") && set("target", "sm_1") && !init(0) ? 0 : 1;
}
"""


def run(*command):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, f"{command} gave {done.returncode}:\n{done.stdout}"
    return done.stdout


with tempfile.TemporaryDirectory() as name:
    root = Path(name)
    run("cmake", "--install", build, "--prefix", root / "usr", "--component", "emulator")
    library = next((root / "usr").rglob("libattile_emulator.so"))
    assert "attile_runtime" not in run("ldd", library), "the library needs nothing of Attile"
    (root / "program.c").write_text(PROGRAM)
    run(cc, f"-I{root}/usr/include", root / "program.c", "-o", root / "program", "-ldl")
    run(root / "program", library)

    run("cmake", "--install", build, "--prefix", root / "usr", "--component", "runtime")
    (root / "number.ptx").write_text(KERNEL)
    tool = root / "usr" / "bin" / "attile-emu"
    run(tool, root / "number.ptx", "--kernel", "number", "--grid", "1", "--block", "1", "--arg", f"out:i32[1]={root}/out.npy")
    assert (root / "out.npy").read_bytes()[-4:] == bytes([42, 0, 0, 0])
    assert str(root) in run("ldd", tool), "the tool finds what is installed beside it"
print("the installed emulator runs")
