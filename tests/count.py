#!/usr/bin/env python3
"""Counts test results: count.py DIR CTEST_STATUS prints "N passed, N failed, N skipped".

DIR holds ctest.xml and, for tests that write one, a <test>.xml of their own (GoogleTest, lit, conformance)
with a finer count. A test that failed without saying so in its own file (a crash) counts as one failure.
"""
import sys
import xml.etree.ElementTree as ET
from pathlib import Path


def cases(path):
    """(passed, failed, skipped) of a junit file."""
    counts = [0, 0, 0]
    for case in ET.parse(path).getroot().iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            counts[1] += 1
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
    total = [0, 0, 0]
    for case in ET.parse(folder / "ctest.xml").getroot().iter("testcase"):
        name, failed = case.get("name"), case.find("failure") is not None
        own = folder / f"{name}.xml"
        if own.exists():
            counts = cases(own)
            if failed and counts[1] == 0:
                counts[1] = 1
        else:
            skipped = case.find("skipped") is not None or case.get("status") in ("notrun", "disabled")
            counts = [int(not failed and not skipped), int(failed), int(skipped)]
        total = [a + b for a, b in zip(total, counts)]
    if status != 0 and total[1] == 0:
        total[1] = 1
    print("{} passed, {} failed, {} skipped".format(*total))


main()
