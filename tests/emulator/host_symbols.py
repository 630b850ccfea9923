#!/usr/bin/env python3
"""Objects of sources that are compiled once per level of x86-64 may define no weak symbol of one name for all levels.

The linker keeps one copy of a weak symbol (an inline function, an instantiated template). If it is the AVX-512 one, its
callers fail on other processors. See runtime/emulator/numeric/host.h.

usage: host_symbols.py NM LEVEL OBJECT...
"""
import subprocess
import sys

nm, level, *objects = sys.argv[1:]
broken = 0
for name in objects:
    listing = subprocess.run([nm, "-C", "--defined-only", name], check=True, capture_output=True, text=True).stdout
    for line in listing.splitlines():
        _, kind, symbol = line.split(maxsplit=2)
        ours = f"host_{level}::" in symbol or symbol.startswith(("DW.ref.", "asan.", "__asan", "__odr_asan", "__ubsan"))
        if kind in "WwVu" and not ours:
            print(f"{name}: {symbol} has one name for all levels")
            broken += 1
sys.exit(1 if broken else 0)
