#!/usr/bin/env python3
"""lint.py [ROOT]: the house rules that a machine can check. Prints path:line: message; exit status 1 if any."""
import os
import sys

import budget
import evidence
import includes
import rules
from source import Tree


def check_all(tree):
    found = includes.check(tree) + budget.check(tree) + evidence.check(tree)
    for check in rules.ALL:
        found += check(tree)
    return sorted(set(found))


def main(arguments):
    root = arguments[0] if arguments else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    tree = Tree(root)
    found = check_all(tree)
    for path, line, message in found:
        print(f"{path}:{line}: {message}")
    print(f"lint: {len(tree.files)} files, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
