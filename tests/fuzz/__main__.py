"""Fuzz observer, protocols and decoders: python -m tests.fuzz [--inputs N] [--seed N] [--from N].

Prints a line every 1,000 inputs, from which ``--from`` resumes; findings go to
``tests/fuzz/corpus``, where the normal tests keep feeding them. Ends with 1 if there is any.
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.fuzz.campaign import CORPUS, run

STEP = 1_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--from", type=int, default=0, dest="first")
    options = parser.parse_args()
    last, findings, started = options.first + options.inputs, 0, time.process_time()
    for first in range(options.first, last, STEP):
        report = run(options.seed, first, min(STEP, last - first), CORPUS)
        for target, number, error in report.findings:
            print(f"  {target} {number}: {error}", flush=True)  # noqa: T201 - a program
        findings += len(report.findings)
        done = min(first + STEP, last)
        seconds = time.process_time() - started
        print(f"{done:>9,} inputs, {findings} findings, {seconds:.0f} s of CPU", flush=True)  # noqa: T201
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
