"""Length budgets: files, functions and the Makefile. budget.txt holds the exceptions, each with its reason."""
from source import CODE_SUFFIXES

FILE_LINES, FUNCTION_LINES, MAKEFILE_LINES = 600, 100, 249
LAUNCHER = "portolan"


def read_exceptions(text):
    """({name: limit}, [(line, message)]); a line is `PATH LINES reason` or `PATH:FUNCTION LINES reason`."""
    limits, errors = {}, []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#", 1)[0].split(None, 2)
        if not words:
            continue
        if len(words) < 3 or not words[1].isdigit():
            errors.append((number, f"'{line.strip()}': expected a name, a number of lines and a reason"))
        else:
            limits[words[0]] = int(words[1])
    return limits, errors


def sizes(tree):
    """(key in budget.txt, path, line, what, lines, budget) of everything that has a budget."""
    for path in tree.files:
        lines = (tree.text(path) or "").count("\n")
        if path == "Makefile":
            yield path, path, 1, "file", lines, MAKEFILE_LINES
        elif path.endswith(CODE_SUFFIXES) or path == LAUNCHER:
            yield path, path, 1, "file", lines, FILE_LINES
    for path, name, line, lines in tree.functions():
        yield f"{path}:{name}", path, line, f"{name}()", lines, FUNCTION_LINES


def check(tree, exceptions_path="tests/lint/budget.txt"):
    limits, errors = read_exceptions(tree.text(exceptions_path) or "")
    found = [(exceptions_path, number, message) for number, message in errors]
    needed = set()
    for key, path, line, what, lines, budget in sizes(tree):
        if lines > budget and key in limits:
            needed.add(key)
        if lines > max(budget, limits.get(key, 0)):
            found.append((path, line, f"{what} has {lines} lines, the budget is {max(budget, limits.get(key, 0))}"))
    for key in sorted(limits.keys() - needed):
        found.append((exceptions_path, 1, f"exception for {key} is not needed"))
    return found
