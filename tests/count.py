#!/usr/bin/env python3
"""Counts test results: count.py DIR CTEST_STATUS prints "N passed, N failed, N skipped", then a line
"<name>: <what it said>" for each that failed.

DIR holds ctest.xml and, for tests that write one, a <test>.xml of their own (GoogleTest, lit, conformance)
with a finer count. A test that failed without saying so in its own file (a crash) counts as one failure.
"""
import sys
import xml.etree.ElementTree as ET
from pathlib import Path


def told(name, case):
    """One line of a failed case: the first lines of its message, or the last of what it printed."""
    failure = next(case.iter("failure"), None)
    said = (failure is not None and (failure.get("message") or failure.text) or "").strip()
    if said in ("", "Failed"):
        said = " | ".join((case.findtext("system-out") or "").split("\n")[-12:])
    return f"{name}: " + " | ".join(line.strip() for line in said.split("\n")[:12] if line.strip())[:1000]


def cases(path, failures):
    """(passed, failed, skipped) of a junit file; adds a line to `failures` for each that failed."""
    counts = [0, 0, 0]
    for case in ET.parse(path).getroot().iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            counts[1] += 1
            failures.append(told(f"{path.stem} {case.get('classname')}.{case.get('name')}", case))
        elif (
            case.find("skipped") is not None
            or case.get("status") in ("notrun", "disabled")
            or case.get("result") in ("skipped", "suppressed")
        ):
            counts[2] += 1
        else:
            counts[0] += 1
    return counts


def main():
    folder, status = Path(sys.argv[1]), int(sys.argv[2])
    total, failures = [0, 0, 0], []
    for case in ET.parse(folder / "ctest.xml").getroot().iter("testcase"):
        name, failed = case.get("name"), case.find("failure") is not None
        own = folder / f"{name}.xml"
        if own.exists():
            counts = cases(own, failures)
            if failed and counts[1] == 0:
                counts[1] = 1
                failures.append(told(name, case))
        else:
            skipped = case.find("skipped") is not None or case.get("status") in ("notrun", "disabled")
            counts = [int(not failed and not skipped), int(failed), int(skipped)]
            if failed:
                failures.append(told(name, case))
        total = [a + b for a, b in zip(total, counts)]
    if status != 0 and total[1] == 0:
        total[1] = 1
        failures.append(f"ctest: ended with status {status}")
    print("{} passed, {} failed, {} skipped".format(*total), *failures, sep="\n")


main()
