"""Runs attile-opt on every ```mlir block of the given pages of a dialect's documentation.

Each block must verify and round-trip, and each op that has a heading must occur in a block of its page.
"""
import re
import subprocess
import sys


def check(page):
    text = open(page).read()
    blocks = [(text.count("\n", 0, m.start()) + 2, m[1]) for m in re.finditer(r"^```mlir\n(.*?)^```$", text, re.M | re.S)]
    failures = []
    if text.count("```mlir") != len(blocks):
        failures.append(f"{page}: a block does not start at the beginning of a line")
    for line, block in blocks:
        run = subprocess.run(["attile-opt", "-verify-roundtrip"], input=block, capture_output=True, text=True)
        if run.returncode:
            failures.append(f"{page}:{line}: the example is rejected\n{run.stderr}")
    examples = "\n".join(block for _, block in blocks)
    for op in re.findall(r"^### `(\w+\.\w+)`", text, re.M):
        if not re.search(re.escape(op) + r"\b", examples):
            failures.append(f"{page}: {op} occurs in no example")
    print(f"{page}: {len(blocks)} examples, {len(failures)} failures")
    return failures


failures = [failure for page in sys.argv[1:] for failure in check(page)]
print("\n".join(failures))
sys.exit(bool(failures))
