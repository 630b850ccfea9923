#!/usr/bin/env python3
"""Keeps docs/architecture.md current: architecture.py [--write] ATTILE

A block that follows a comment `<!-- STAGE "FROM" "TO" -->` holds what `attile inspect docs/local.attn` prints at that
stage, from the first line with FROM to the next one with TO; STAGE@TARGET is for another target than x86-64-v3.
`<!-- spec -->` is the spec itself. Without --write, a
block that differs is an error; numbers (of values, of tiles) and the registers of machine code may differ.
"""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT, SPEC = ROOT / "docs" / "architecture.md", ROOT / "docs" / "local.attn"
BLOCK = re.compile(r'(<!-- ([\w@]+)(?: "(.*?)" "(.*?)")? -->\n```\w*\n)(.*?)(```\n)', re.S)
WIDTH, LINES = 132, 48


def stage(attile, name, cache={}):
    if name not in cache:
        which, _, target = name.partition("@")
        command = [attile, "inspect", SPEC, f"--stage={which}", f"--target={target or 'x86-64-v3'}"]
        cache[name] = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.expandtabs(8).splitlines()
    return cache[name]


def excerpt(lines, begin, end):
    first = next(i for i, line in enumerate(lines) if begin in line)
    last = next(i for i in range(first, len(lines)) if end in lines[i] and (i > first or end == "{"))
    chosen = lines[first : last + 1]
    if len(chosen) > LINES:
        chosen = chosen[: LINES - 2] + ["..."] + chosen[-1:]
    indent = min(len(line) - len(line.lstrip()) for line in chosen if line.strip() and line != "...")
    return [line if line == "..." else cut(line[indent:]) for line in chosen]


def cut(line):
    return line if len(line) <= WIDTH else line[: WIDTH - 4].rstrip() + " ..."


def renewed(attile, text):
    def replace(match):
        head, name, begin, end, _, tail = match.groups()
        lines = SPEC.read_text().splitlines() if name == "spec" else excerpt(stage(attile, name), begin, end)
        return head + "".join(line + "\n" for line in lines) + tail

    return BLOCK.sub(replace, text)


def shape(text):
    """What is compared: no numbers, and no machine code."""
    text = re.sub(r"(<!-- asm .*?-->\n```\w*\n).*?(```\n)", r"\1\2", text, flags=re.S)
    return re.sub(r"\d+", "#", text)


def main():
    attile, text = sys.argv[-1], DOCUMENT.read_text()
    current = renewed(attile, text)
    if "--write" in sys.argv:
        DOCUMENT.write_text(current)
    elif shape(current) != shape(text):
        print("docs/architecture.md is out of date: run tests/architecture.py --write build/bin/attile", file=sys.stderr)
        return 1
    return 0


sys.exit(main())
