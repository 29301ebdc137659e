#!/usr/bin/env python3
"""
evidence.py [--table] [ROOT]: lists the obligations of docs/contract without code, or without a test, and counts them.

An obligation is a line `- **S-001** ...`. It is met where a comment below drivers/ names it in a .c file, and
tested where a comment or text below tests/ names it. Tags that no contract has are listed too. Exit status 0:
this is a report.
"""
import os
import re
import sys

from source import Tree

OBLIGATION = re.compile(r"^- \*\*([ASP]-\d{3})\*\* *(.*)$", re.M)
TAG = re.compile(r"\b[ASP]-\d{3}\b")
WIDTH = 110


def obligations(tree):
    """{contract: {tag: text}}"""
    return {
        os.path.splitext(os.path.basename(path))[0]: dict(OBLIGATION.findall(tree.text(path)))
        for path in tree.below("docs/contract", suffixes=(".md",))
    }


def tags_in_code(tree):
    """{tag: path} of the tags in comments of drivers/."""
    return {tag: path for path in tree.below("drivers", suffixes=(".c",))
            for _, text in tree.c(path).comments for tag in TAG.findall(text)}


def tags_in_tests(tree):
    """{tag: path} of the tags in tests, but for the tests of this report."""
    return {tag: path for path in tree.below("tests", suffixes=(".c", ".h", ".py"))
            if not path.startswith("tests/lint/") for tag in TAG.findall(tree.text(path) or "")}


def missing(contracts, code, tests):
    """One line for each obligation that lacks something, and for each tag that is none."""
    known = {tag: text for tags in contracts.values() for tag, text in tags.items()}
    for tag, text in sorted(known.items()):
        lacks = [what for what, where in (("code", code), ("test", tests)) if tag not in where]
        if lacks:
            yield f"{tag}  no {' no '.join(lacks):15}  {text}"[:WIDTH]
    for tag in sorted((code.keys() | tests.keys()) - known.keys()):
        yield f"{tag}  is in no contract: {code.get(tag) or tests.get(tag)}"


def counts(contracts, code, tests):
    """The table below the list."""
    yield f"{'contract':12}{'obligations':>12}{'with code':>12}{'with test':>12}{'with both':>12}"
    for name, tags in sorted(contracts.items()):
        coded, tested = tags.keys() & code.keys(), tags.keys() & tests.keys()
        yield f"{name:12}{len(tags):12}{len(coded):12}{len(tested):12}{len(coded & tested):12}"


def table(tree):
    """docs/obligations.md: which obligation is met and tested where, for contracts of which anything is."""
    contracts, code, tests = obligations(tree), tags_in_code(tree), tags_in_tests(tree)
    lines = ["# Obligations", "", "Which obligation of `docs/contract` is met where, and tested where. Made by `make obligations`;"
             " lint fails when it", "is not current. `-`: nowhere yet.", ""]
    for name, tags in sorted(contracts.items()):
        if not tags.keys() & (code.keys() | tests.keys()):
            continue
        lines += [f"## {name}", "", "| | code | test |", "|---|---|---|"]
        lines += [f"| {tag} | {code.get(tag, '-')} | {tests.get(tag, '-')} |" for tag in sorted(tags)]
    return "\n".join(lines) + "\n"


def check(tree):
    """For lint.py: the table in docs is the one that the tree gives."""
    path = "docs/obligations.md"
    if not obligations(tree) or (tree.text(path) if path in tree.files else None) == table(tree):
        return []
    return [(path, 1, "is not current: make obligations")]


def tree_of(arguments):
    return Tree(arguments[0] if arguments else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))


def main(arguments):
    if "--table" in arguments:
        arguments.remove("--table")
        sys.stdout.write(table(tree_of(arguments)))
        return 0
    tree = tree_of(arguments)
    facts = obligations(tree), tags_in_code(tree), tags_in_tests(tree)
    print("\n".join([*missing(*facts), "", *counts(*facts)]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
