#!/usr/bin/env python3
"""Checks what may depend on what, and prints how large the sources are.

The rules are those of docs/architecture.md ("What may depend on what"), read from the #includes, and from
string literals where a rule is about names. Exit status 1 if a rule is broken.
"""
import re
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUFFIXES = {".h", ".cpp", ".td", ".cuh", ".cu"}
REPORT, STOP = 650, 1000  # lines of a file

# Folder -> (what may be included, why). A header is known by the start of its path.
STANDARD = re.compile(r"^[a-z0-9_]+$|^(sys|linux|sanitizer)/|^(stddef|unistd|spawn|fcntl|sched|dlfcn|pthread|cpuid|immintrin|dirent|link)\.h$")
LIBRARIES = ("fmt/", "nlohmann/", "oneapi/", "tbb/", "zlib.h", "gtest/", "png.h", "CLI/", "benchmark/")
LLVM = ("mlir/", "llvm/", "llvm-c/", "mlir-c/")
PACKAGE = tuple(f"attile/{name}.h" for name in ("package", "expr", "tensor", "result", "numeric", "cpu_info", "disk_cache"))
MAY_INCLUDE = {
    "runtime": (("attile/",) + LIBRARIES, "the runtime needs neither LLVM, MLIR nor NVRTC"),
    "runtime/emulator": (("emulator/", "fmt/", "nlohmann/"), "the emulator depends on nothing of Attile"),
    "compiler/frontend": (("compiler/frontend/",) + LIBRARIES, "the frontend needs no MLIR"),
    "compiler/include": (("attile/",), "public headers show no MLIR or LLVM"),
    "dialect/attn": (("dialect/attn/", "dialect/Regions.h") + LLVM, "dialects know nothing of the compiler, and attn nothing of tile"),
    "dialect/tile": (("dialect/",) + LLVM, "dialects know nothing of the compiler"),
    "compiler": (("compiler/", "dialect/", "templates/templates.h", "attile/compiler.h", "attile/mask.h", "attile/reference.h") + PACKAGE + LLVM + LIBRARIES,
                 "the compiler knows only the package format and the cache of the runtime"),
    "tools/attile-emu": (("tools/", "attile/", "emulator/driver/abi.h", "emulator/include/") + LIBRARIES,
                         "the tool is a program of the emulated driver"),
    "tools": (("tools/", "compiler/", "dialect/", "attile/") + LLVM + LIBRARIES, ""),
    "templates": (("attile/wgmma_shapes.cuh",), "templates include nothing but each other, and what is made of them"),
}
# Folder -> strings that its code may not contain, and why.
TARGET_NAMES = re.compile(r'"[^"\n]*(x86-64|avx|amx|sm_\d|znver|skylake)[^"\n]*"')
NORMALISERS = re.compile(r"softmax", re.I)
MAY_NOT_SAY = [
    (("compiler/frontend", "compiler/irgen", "compiler/analysis", "compiler/transforms", "compiler/conversion",
      "compiler/reference", "dialect"), TARGET_NAMES, "targets are branched on only in backends/ and schedule/"),
    (("compiler/analysis", "compiler/transforms", "compiler/conversion", "compiler/schedule",
      "compiler/backends"), NORMALISERS, "after irgen no pass names a normaliser"),
]
INCLUDE = re.compile(r'^\s*#?\s*include\s+["<]([^">]+)[">]', re.M)
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)


def sources():
    for top in ("compiler", "dialect", "runtime", "templates", "tools", "tests", "examples"):
        for path in sorted((ROOT / top).rglob("*")):
            if path.suffix in SUFFIXES:
                yield path.relative_to(ROOT).as_posix(), path.read_text()


def rule_for(name):
    folders = [folder for folder in MAY_INCLUDE if name.startswith(folder + "/")]
    return max(folders, key=len) if folders else None


def broken_includes(name, text):
    folder = rule_for(name)
    if folder is None:
        return
    allowed, why = MAY_INCLUDE[folder]
    siblings = {path.name for path in (ROOT / name).parent.iterdir()}
    for match in INCLUDE.finditer(text):
        header = match.group(1)
        # In a folder of its own include root ("core/x.h" in runtime/), or beside the file.
        local = header in siblings or (ROOT / folder / header).exists()
        if not (STANDARD.match(header) or local or header.startswith(allowed)):
            line = text.count("\n", 0, match.start(1)) + 1
            yield f"{name}:{line}: {folder} may not include '{header}'" + (f": {why}" if why else "")


def broken_words(name, text):
    for folders, pattern, why in MAY_NOT_SAY:
        if not name.startswith(tuple(folder + "/" for folder in folders)):
            continue
        code = COMMENT.sub(lambda comment: re.sub(r"[^\n]", " ", comment.group(0)), text)
        for match in pattern.finditer(code):
            line = code.count("\n", 0, match.start()) + 1
            yield f"{name}:{line}: says {match.group(0)}: {why}"


def print_sizes(sizes):
    by_folder = {}
    for name, lines in sizes.items():
        parts = name.split("/")
        depth = 2 if parts[0] in ("compiler", "dialect", "tests", "tools", "runtime") and len(parts) > 2 else 1
        by_folder.setdefault("/".join(parts[:depth]), []).append(lines)
    print(f"{'folder':<24}{'files':>6}{'lines':>8}{'median':>8}{'largest':>8}")
    for folder, counts in sorted(by_folder.items()):
        print(f"{folder:<24}{len(counts):>6}{sum(counts):>8}{statistics.median(counts):>8.0f}{max(counts):>8}")
    print(f"{'all':<24}{len(sizes):>6}{sum(sizes.values()):>8}")


def main():
    problems, sizes = [], {}
    for name, text in sources():
        sizes[name] = text.count("\n")
        problems += broken_includes(name, text)
        problems += broken_words(name, text)
        if sizes[name] > STOP:
            problems.append(f"{name}: {sizes[name]} lines, at most {STOP} are allowed")
    print_sizes(sizes)
    for name, lines in sizes.items():
        if REPORT < lines <= STOP:
            print(f"note: {name} has {lines} lines; over {REPORT} there should be a reason")
    for problem in problems:
        print(f"error: {problem}")
    return 1 if problems else 0


sys.exit(main())
