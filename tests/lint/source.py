"""What the checkers read: the files of a tree, C text without comments, and the functions that ctags sees."""
import bisect
import json
import os
import subprocess

C_SUFFIXES = (".c", ".h")
CODE_SUFFIXES = (".c", ".h", ".S", ".py", ".sh")


def list_files(root):
    """Paths below root that git tracks or would track; without git, all but build/ and hidden folders."""
    if os.path.exists(os.path.join(root, ".git")):
        out = subprocess.run(
            ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            check=True, capture_output=True, text=True).stdout
        paths = {p for p in out.split("\0") if p and not p.startswith("build/")}
        return sorted(p for p in paths if os.path.isfile(os.path.join(root, p)))
    paths = []
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = [s for s in subfolders if not s.startswith(".") and s != "build"]
        paths += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return sorted(paths)


class Tree:
    """A source tree, each file read once."""

    def __init__(self, root):
        self.root = os.path.abspath(root)
        self.files = list_files(self.root)
        self._texts = {}
        self._c = {}
        self._tags = None

    def text(self, path):
        """The file's text, or None if it is not text."""
        if path not in self._texts:
            with open(os.path.join(self.root, path), "rb") as f:
                data = f.read()
            try:
                self._texts[path] = None if b"\0" in data else data.decode("utf-8")
            except UnicodeDecodeError:
                self._texts[path] = None
        return self._texts[path]

    def c(self, path):
        """The file as CText."""
        if path not in self._c:
            self._c[path] = CText(self.text(path) or "")
        return self._c[path]

    def below(self, *folders, suffixes=C_SUFFIXES):
        """Files in these folders whose names end in one of the suffixes."""
        prefixes = tuple(f + "/" for f in folders)
        return [p for p in self.files if p.startswith(prefixes) and p.endswith(suffixes)]

    def tags(self):
        """Functions ('f') and prototypes ('p') of all C files, functions of all Python files, as ctags' dicts."""
        if self._tags is None:
            paths = [p for p in self.files if p.endswith(C_SUFFIXES + (".py",))]
            out = ""
            if paths:
                out = subprocess.run(
                    ["ctags", "--output-format=json", "--fields=+ne", "--map-C=+.h", "--map-C++=-.h",
                     "--kinds-C=fp", "--kinds-Python=fm", "--languages=C,Python", "-L", "-", "-f", "-"],
                    check=True, capture_output=True, text=True, cwd=self.root,
                    input="\n".join(paths) + "\n").stdout
            self._tags = [json.loads(line) for line in out.splitlines()]
        return self._tags

    def functions(self):
        """(path, name, first line, number of lines), counted from the name to the closing brace."""
        for tag in self.tags():
            if tag["kind"] in ("function", "member", "method") and "end" in tag:
                yield tag["path"], tag["name"], tag["line"], tag["end"] - tag["line"] + 1


class CText:
    """
    A C text in three views of equal length, so that a position means the same in each:
      text      as it is
      code      comments blanked
      bare      comments and what stands between quotes blanked
    and `comments`, a list of (first line, text).
    """

    def __init__(self, text):
        self.text = text
        code, bare = list(text), list(text)
        self.comments = []
        self._starts = [0] + [i + 1 for i, ch in enumerate(text) if ch == "\n"]
        i, n = 0, len(text)
        while i < n:
            pair = text[i:i + 2]
            if pair in ("/*", "//"):
                end = text.find("*/", i + 2) + 2 if pair == "/*" else text.find("\n", i)
                end = n if end < 2 else end
                self.comments.append((self.line(i), text[i:end]))
                blank(code, i, end)
                blank(bare, i, end)
            elif text[i] in "\"'":
                end = quoted_end(text, i)
                blank(bare, i + 1, end - 1)
            else:
                end = i + 1
            i = end
        self.code = "".join(code)
        self.bare = "".join(bare)

    def line(self, position):
        """Number of the line, from 1, in which a position lies."""
        return bisect.bisect_right(self._starts, position)


def blank(chars, start, end):
    for i in range(start, end):
        if chars[i] != "\n":
            chars[i] = " "


def quoted_end(text, start):
    """Position behind the literal that starts here; an unclosed one ends with its line."""
    i = start + 1
    while i < len(text) and text[i] != "\n":
        if text[i] == text[start]:
            return i + 1
        i += 2 if text[i] == "\\" else 1
    return min(i, len(text))


def line_counts(text):
    """(code, comment, blank) lines; a line with code and a comment is code."""
    counts = [0, 0, 0]
    for whole, code in zip(text.rstrip("\n").split("\n"), CText(text).code.split("\n")):
        counts[0 if code.strip() else 1 if whole.strip() else 2] += 1
    return tuple(counts)
