#!/usr/bin/env python3
"""
metrics.py [ROOT]: our row of STYLE.md's table 1.1, for each top folder and for the product as a whole.

Functions are counted from the name to the closing brace. Comment is the share of lines that are comment only,
among lines that are not blank. med and p90 are the 50th and 90th percentile.
"""
import os
import sys

from source import Tree, line_counts

PRODUCT = ("boot", "lib", "kernel", "drivers", "userland")
FOLDERS = PRODUCT + ("tests",)
LONG = 60


def percentile(values, part):
    """The value below which this part of the values lies; 0 if there are none."""
    values = sorted(values)
    return values[min(len(values) - 1, int(part * len(values)))] if values else 0


def row(tree, name, folders):
    """One row of the table, as a list of texts; None if the folders hold no C."""
    prefixes = tuple(f + "/" for f in folders)
    paths = tree.below(*folders)
    if not paths:
        return None
    counts = [line_counts(tree.text(p) or "") for p in paths]
    files = [(tree.text(p) or "").count("\n") for p in paths if p.endswith(".c")]
    functions = [n for path, _, _, n in tree.functions() if path.endswith(".c") and path.startswith(prefixes)]
    code, comment = sum(c[0] for c in counts), sum(c[1] for c in counts)
    long = sum(n > LONG for n in functions)
    return [
        name, str(len(files)), f"{percentile(files, .5)} / {percentile(files, .9)} / {max(files, default=0)}",
        str(len(functions)),
        f"{percentile(functions, .5)} / {percentile(functions, .9)} / {max(functions, default=0)}",
        f"{100 * long // max(1, len(functions))} %", f"{100 * comment // max(1, code + comment)} %",
        str(sum(sum(c) for c in counts)),
    ]


def table(tree):
    head = ["code", ".c", "lines: med / p90 / max", "fn", "lines: med / p90 / max", f"over {LONG} lines", "comment",
            "total"]
    rows = [row(tree, folder + "/", (folder,)) for folder in FOLDERS]
    rows.append(row(tree, "portolan", PRODUCT))
    return [head] + [r for r in rows if r]


def main(arguments):
    root = arguments[0] if arguments else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    tree = Tree(root)
    rows = table(tree)
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    for r in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(r, widths)).rstrip())
    if "Makefile" in tree.files:
        print(f"\nMakefile: {tree.text('Makefile').count(chr(10))} lines; 'total' counts .c and .h; 'portolan' is all but tests/")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
