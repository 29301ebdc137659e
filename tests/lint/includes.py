"""Who may include whom: deps.txt as rules, and the check of every #include line against them."""
import os
import re

DDK_USERS = ("drivers/ddk/", "drivers/miniport/", "tests/guest/probe/", "tests/drivers/")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]*)[>"]', re.M)
CONDITION = re.compile(r"^[ \t]*#[ \t]*(if|ifdef|ifndef|elif|else|endif)\b(.*)$", re.M)


class Rules:
    """deps.txt, read. `error` lists lines that it does not understand."""

    def __init__(self, text):
        self.groups, self.allowed, self.extra = {}, {}, {}
        self.settings = {"freestanding": [], "hosted": [], "hosted-if": [], "private": [], "generated": []}
        self.errors = []
        for number, line in enumerate(text.splitlines(), 1):
            line = line.split("#", 1)[0].strip()
            match = re.match(r"(\S+)\s*([:=+])\s*(.*)$", line)
            if not line:
                continue
            if not match:
                self.errors.append((number, f"'{line}' is neither 'who: targets' nor 'who + targets'"))
                continue
            name, operator, words = match[1], match[2], match[3].split()
            if operator == "=":
                self.groups[name] = self.expand(words)
            elif operator == "+":
                self.extra.setdefault(name, []).extend(self.expand(words))
            elif name in self.settings:
                self.settings[name] = words
            else:
                self.allowed[name] = self.expand(words)

    def expand(self, words):
        out = []
        for word in words:
            out += self.groups.get(word[1:], []) if word.startswith("$") else [word]
        return out

    def targets(self, path):
        """What a file may include: by its most specific line and by its exceptions. None: no line is about it."""
        best = max((w for w in self.allowed if covers(w, path)), key=len, default=None)
        if best is None:
            return None
        return self.allowed[best] + [t for w in self.extra if covers(w, path) for t in self.extra[w]]

    def unused(self, files):
        """Exceptions for files that do not exist."""
        return [w for w in self.extra if not any(covers(w, f) for f in files)]


def covers(pattern, path):
    return pattern == "*" or path == pattern or path.startswith(pattern.rstrip("/") + "/")


def is_private(path, rules):
    return path.endswith("_impl.h") or path in rules.settings["private"]


def may_see_private(includer, header):
    """The header's own folder, and its tests."""
    folder = os.path.dirname(header)
    home = os.path.dirname(includer)
    return home == folder or includer.startswith("tests/host/") or home == "tests/guest/" + folder


def hosted_only(code, position):
    """Is this position inside '#if __STDC_HOSTED__' (not in its #else, not in its opposite)?"""
    stack = []
    for match in CONDITION.finditer(code, 0, position):
        word, condition = match[1], match[2].strip()
        if word in ("if", "ifdef", "ifndef"):
            stack.append(word == "if" and re.match(r"__STDC_HOSTED__\b", condition) is not None)
        elif word == "endif" and stack:
            stack.pop()
        elif stack:
            stack[-1] = False
    return any(stack)


def check(tree, rules_path="tests/lint/deps.txt"):
    rules = Rules(tree.text(rules_path) or "")
    found = [(rules_path, number, message) for number, message in rules.errors]
    found += [(rules_path, 1, f"exception for {who}, which does not exist") for who in rules.unused(tree.files)]
    files = set(tree.files)
    for path in tree.files:
        if path.endswith((".c", ".h", ".S")):
            found += check_file(tree.c(path), path, files, rules)
    return found


def check_file(source, path, files, rules):
    targets = rules.targets(path)
    if targets is None:
        return [(path, 1, "no line of tests/lint/deps.txt is about this folder")]
    found = []
    for match in INCLUDE.finditer(source.code):
        kind, name = match[1], match[2]
        if kind == "<":
            message = judge_system(name, path, rules, hosted_only(source.code, match.start()))
        else:
            message = judge_own(name, path, targets, files, rules)
        if message:
            found.append((path, source.line(match.start(2)), message))
    return found


def judge_system(name, path, rules, conditional):
    settings = rules.settings
    if name in settings["freestanding"] or any(covers(w, path) for w in settings["hosted"]):
        return None
    if conditional and any(covers(w, path) for w in settings["hosted-if"]):
        return None
    return f"<{name}> is a hosted header"


def judge_own(name, path, targets, files, rules):
    if name in rules.settings["generated"]:
        return None
    if path.startswith(DDK_USERS) and name not in files:  # -Idrivers/ddk, as with the WDK
        name = next((f for f in ("drivers/ddk/" + name, f"{os.path.dirname(path)}/{name}") if f in files), name)
    if name not in files:
        return f'"{name}" is not a file, seen from the root'
    if is_private(name, rules) and not may_see_private(path, name):
        return f'"{name}" is private to its folder'
    if not any(covers(t, name) for t in targets):
        return f'"{name}" may not be included here (tests/lint/deps.txt)'
    return None
