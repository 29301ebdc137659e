"""
The rules that look at one file at a time. Each check_*(tree) yields (path, line, message).
Words that are forbidden are written with a bracket ([x]) so that this file does not contain them.
"""
import re

from source import C_SUFFIXES, CODE_SUFFIXES

KERNEL = ("lib", "kernel", "drivers", "boot", "tests/guest")
CPU = ("kernel/cpu/", "tests/guest/kernel/cpu/")
FOREIGN = ("tests/guest/probe/", "tests/drivers/")  # drivers in the manner of others: they do what a driver may

ASSEMBLY = re.compile(
    r"\b(asm|__asm|__asm__|__builtin_ia32_\w+|rdmsr\w*|wrmsr\w*|msr_(?:read|write)|[cd]r\d_(?:read|write)|xgetbv|xsetbv)\b")
DATA = re.compile(r"\s*(?:$|[#.]|\w+:\s*(?:\..*)?$)")
VOLATILE_CAST = re.compile(r"\([^()]*\bvolatile\b[^()]*\*[\s*]*(?:const\s*)?\)")
ENDLESS = re.compile(r"\bwhile\s*\(\s*(?:1|true)\s*\)|\bfor\s*\(\s*;\s*;\s*\)")
LOOP_HEAD = re.compile(r"\b(?:while|for)\s*\(")
LEFTOVER = re.compile(r"\b(T[O]DO|F[I]XME|X[X]X)\b")
MACHINE = re.compile(r"(?<![\w)}.*$~/-])/(?:wor[k]|hom[e]|roo[t])\b|\.librar[y]\b|\.\./share[d]\b")
WORKPLACE = re.compile(r"\bissue[s] (?:show|list|new|close)\b|\bduplicate[s] --|\bbefore-[s]top\b")
SPEAKS_OF_HOMES = ("iso/", "userland/", "boot/main.c")

STATEMENT = re.compile(
    r"(?:return|goto|break|continue)\b[^.]*;$"
    r"|(?:if|for|while|switch)\s*\(.*[{;)]$"
    r"|\}?\s*else\b.*\{$"
    r"|(?:static|const|struct|enum|unsigned|int|void|char|bool|size_t|u?int\d+_t)\s[\w\s*]*\w(?:\(.*\)|\[\w*\]|\s=.*)?\s*[;{]$"
    r"|[A-Za-z_][\w.>\[\]-]*\s*[|&^+*/-]?=\s.*;$"
    r"|[A-Za-z_]\w*(?:(?:->|\.)\w+)*\([^()]*(?:\([^()]*\)[^()]*)*\);$"
    r"|#\s*(?:if|ifdef|ifndef|else|endif|define|include)\b.*$")


def check_assembly(tree):
    """x86 is known to kernel/cpu and boot only; an assembly file elsewhere holds data."""
    for path in tree.below(*KERNEL, suffixes=C_SUFFIXES + (".S",)):
        if path.startswith(CPU) or path.startswith(FOREIGN):
            continue
        source = tree.c(path)
        if path.endswith(".S"):
            for number, line in enumerate(source.code.split("\n"), 1):
                if not path.startswith("boot/") and not DATA.match(line):
                    yield path, number, "instruction outside kernel/cpu and boot"
            continue
        for match in ASSEMBLY.finditer(source.bare):
            yield path, source.line(match.start()), f"{match[1]} outside kernel/cpu"


def check_volatile(tree):
    """Device memory is touched through kernel/cpu/io.h only. (lib knows no device; its volatile speaks to gcc.)"""
    for path in tree.below("kernel", "drivers", "boot", "tests/guest"):
        if path == "kernel/cpu/io.h" or path.startswith(FOREIGN):
            continue
        source = tree.c(path)
        for match in VOLATILE_CAST.finditer(source.bare):
            yield path, source.line(match.start()), "cast to a volatile pointer outside kernel/cpu/io.h"


def check_loops(tree):
    """Every wait in a driver has a bound."""
    for path in tree.below("drivers"):
        source = tree.c(path)
        for match in ENDLESS.finditer(source.bare):
            yield path, source.line(match.start()), "endless loop in a driver: a wait has a bound in time"
        for start in empty_loops(source.bare):
            yield path, source.line(start), "loop without a body in a driver: a wait has a bound in time"


def empty_loops(bare):
    """Positions of loops whose body is ';' or '{}'; the tail of a do loop is none, an empty do loop is one."""
    tails = set()
    for match in re.finditer(r"\bdo\s*(?=\{)", bare):
        end = closing(bare, match.end())
        tail = re.compile(r"\s*while\s*\(").match(bare, end)
        if tail:
            tails.add(tail.end())
            if not bare[match.end() + 1:end - 1].strip():
                yield match.start()
    for match in LOOP_HEAD.finditer(bare):
        if match.end() in tails:
            continue
        if re.compile(r"\s*(?:;|\{\s*\})").match(bare, closing(bare, match.end() - 1)):
            yield match.start()


def closing(text, start):
    """Position behind the bracket that closes the one at start."""
    pairs = {"(": ")", "{": "}"}
    opening, depth = text[start], 0
    for i in range(start, len(text)):
        if text[i] == opening:
            depth += 1
        elif text[i] == pairs[opening]:
            depth -= 1
            if depth == 0:
                return i + 1
    return len(text)


def check_definitions(tree):
    """The name of a function stands in column 0 of its definition: grep '^name' finds it."""
    for tag in tree.tags():
        path = tag["path"]
        if tag["kind"] != "function" or not path.endswith(C_SUFFIXES) or tag["name"] == "__typeof__":
            continue
        line = tree.text(path).split("\n")[tag["line"] - 1]
        if not line.startswith(tag["name"]):
            yield path, tag["line"], f"the name of {tag['name']}() is not in column 0 of its definition"


def check_contracts(tree):
    """Every prototype in a header has a comment: above it, on its line, or above its group."""
    for tag in tree.tags():
        path = tag["path"]
        if tag["kind"] != "prototype" or not path.endswith(".h") or path.startswith("drivers/ddk/"):
            continue
        if not path.startswith(("kernel/", "lib/", "drivers/")):
            continue
        if not has_comment(tree.c(path), tag["line"]):
            yield path, tag["line"], f"{tag['name']}() has no comment that says its contract"


def has_comment(source, line):
    """Is there a comment on this line, or above it with no blank line between?"""
    whole, code = source.text.split("\n"), source.code.split("\n")
    i = line - 1
    while i >= 0 and whole[i].strip():
        if whole[i] != code[i]:
            return True
        i -= 1
    return False


def check_comments(tree):
    """No code in comments. An example in a comment is indented by four or more."""
    for path in tree.files:
        if path.endswith(C_SUFFIXES + (".S",)):
            for first, text in tree.c(path).comments:
                for number, line in enumerate(text.split("\n"), first):
                    if is_statement(line):
                        yield path, number, "commented-out code"


def is_statement(line):
    match = re.match(r"\s*(?:/\*+|//|\*(?!/))?([ \t]*)(.*?)\s*(?:\*/)?$", line)
    return len(match[1]) < 4 and STATEMENT.match(match[2]) is not None


def check_text(tree):
    """What holds for every text: white space, leftovers, and nothing that only the author's machine knows."""
    for path in tree.files:
        text = tree.text(path)
        if not text or "/corpus/" in path:
            continue
        if not text.endswith("\n"):
            yield path, text.count("\n") + 1, "no newline at the end"
        tabs_are_syntax = path.split("/")[-1] == "Makefile" or path.endswith(".mk")
        for number, line in enumerate(text.split("\n"), 1):
            if "\t" in line and not tabs_are_syntax:
                yield path, number, "tab"
            if line != line.rstrip():
                yield path, number, "white space at the end of the line"
            if path.endswith(CODE_SUFFIXES) and LEFTOVER.search(line):
                yield path, number, f"{LEFTOVER.search(line)[1]}: do it, or say it in docs/CAVEATS"
            for pattern in () if path.startswith(SPEAKS_OF_HOMES) else (MACHINE, WORKPLACE):
                if pattern.search(line):
                    yield path, number, f"'{pattern.search(line)[0]}' means nothing on another machine"


ALL = (check_assembly, check_volatile, check_loops, check_definitions, check_contracts, check_comments, check_text)
