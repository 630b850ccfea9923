#!/usr/bin/env python3
"""Installs Attile, builds examples/cpp against it, and runs them: install.py SOURCE BUILD CXX

Once with everything, once with the runtime alone; the program that launches a package must need no LLVM. Damaged
packages are refused.
"""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

source, build, cxx = sys.argv[1:]


def run(*command, status=0, **options):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    assert done.returncode == status, f"{command} gave {done.returncode}:\n{done.stdout}"
    return done.stdout


def build_examples(folder, prefix):
    run("cmake", "-S", f"{source}/examples/cpp", "-B", folder, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_CXX_COMPILER={cxx}")
    run("cmake", "--build", folder)


def build_without_optimisation(folder, prefix):
    """Nothing is inlined then, so that all that headers declare has to be somewhere: g++ and -O0."""
    (folder / "views.cpp").write_text("""
#include <attile/attile.h>
int main() {
  float x[6] = {};
  attile::TensorView view(x, {2, 3});
  attile::ConstTensorView read = view.transposed(0, 1);
  attile::Param param{"x", view};
  return read.shape[0] == 3 && read.elements() == 6 && param.value.index() == 3 ? 0 : 1;
}
""")
    for program in (folder / "views.cpp", f"{source}/examples/cpp/attention.cpp"):
        libraries = next(prefix.rglob("libattile_runtime.so")).parent
        run("g++", "-std=c++20", "-O0", f"-I{prefix}/include", program, "-o", folder / "O0", f"-L{libraries}", "-lattile_compiler", "-lattile_runtime",
            f"-Wl,-rpath,{libraries}")
        run(folder / "O0")


def damaged(package, folder):
    """Copies of a package with a byte changed, cut short, or of another kind."""
    whole = package.read_bytes()
    for i, at in enumerate((0, 9, 20, len(whole) // 3, len(whole) // 2, len(whole) - 1)):
        path = folder / f"flipped{i}.pkg"
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x40]) + whole[at + 1 :])
        yield path
    for size in (0, 5, 40, len(whole) // 2, len(whole) - 1):
        path = folder / f"cut{size}.pkg"
        path.write_bytes(whole[:size])
        yield path
    yield Path(f"{source}/examples/causal.attn")


def main():
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        run("cmake", "--install", build, "--prefix", root / "all")
        build_examples(root / "build", root / "all")
        assert "= 3" in run(root / "build" / "attention"), "attention.cpp averages equal values"
        build_without_optimisation(root, root / "all")
        package = root / "causal.pkg"
        run(root / "all" / "bin" / "attile", "build", f"{source}/examples/causal.attn", "-o", package)

        run("cmake", "--install", build, "--prefix", root / "runtime", "--component", "runtime")
        names = " ".join(os.listdir(next((root / "runtime").rglob("libattile_runtime.so")).parent))
        assert "compiler" not in names, names
        build_examples(root / "build-runtime", root / "runtime")
        program = root / "build-runtime" / "run_package"
        assert "causal: " in run(program, package)
        libraries = run("ldd", program)
        assert not any(word in libraries for word in ("LLVM", "MLIR", "attile_compiler")), libraries
        for path in damaged(package, root):
            assert "error: " in run(program, path, status=1), path
        assert "error: " in run(program, root / "nothing.pkg", status=1)
    print("installed programs run")


main()
