"""The book: it builds, as HTML and PDF; no link leads nowhere; each chapter names its files, has a picture and exercises with hints."""

import html.parser
import re
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest

from launcher import BUILD, ROOT

CHAPTERS = sorted((ROOT / "docs/book").glob("[0-9]*.md"))
PAGES = [path for path in ROOT.rglob("*.md") if not {"build", ".git", "disks"} & set(path.relative_to(ROOT).parts)]


class Links(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.links += [attrs[name] for name in ("href", "src") if attrs.get(name)]
        if "id" in attrs:
            self.ids.add(attrs["id"])


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    subprocess.run(["sh", ROOT / "docs/book/build.sh", folder], check=True, timeout=600)
    return folder


def test_all_links_lead_somewhere(book):
    pages = {path.resolve(): Links(path.read_text()) for path in book.rglob("*.html")}
    assert len(pages) > 40
    for path, page in pages.items():
        for link in page.links:
            url = urlparse(link)
            if url.scheme in ("http", "https", "data"):
                continue
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            assert target.exists(), f"{path.relative_to(book)}: {link}"
            assert not url.fragment or url.fragment in pages[target].ids, f"{path.relative_to(book)}: {link}"


def test_the_pdf_has_it_all(book):
    data = (book / "portolan.pdf").read_bytes()
    assert data.startswith(b"%PDF") and len(data) > 100_000


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter(chapter, book):
    text = chapter.read_text()
    svg = (book / "book" / f"{chapter.stem}.svg").read_text()
    width, height = (int(n) for n in re.search(r'<svg width="(\d+)pt" height="(\d+)pt"', svg).groups())
    assert f"({chapter.stem}.svg)" in text
    assert width <= 620 and height <= 520, "a page would shrink it until its words cannot be read"
    exercises = re.split(r"^\d\. ", text.split("\n## Exercises\n")[1], flags=re.M)[1:]
    assert len(exercises) >= 2 and all("*Hint: " in exercise for exercise in exercises)
    if chapter != CHAPTERS[0]:
        assert "\nFiles: `" in text
    for name in re.findall(r"`([a-zA-Z0-9_.*-]+/[a-zA-Z0-9_./*-]+)`", text):
        assert list(ROOT.glob(name.rstrip("/"))), f"{chapter.name}: there is no {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_sources(page):
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
        if "://" not in link and not link.endswith(".svg"):
            assert (page.parent / link).exists() or link == "portolan.pdf", f"{page.name}: {link}"


def test_files_that_the_readme_names_are_there():
    for name in re.findall(r"`((?:docs|drivers|kernel|tests|iso|boot|userland|launcher)/[a-zA-Z0-9_./-]+)`", (ROOT / "README.md").read_text()):
        assert Path(ROOT / name).exists(), name


def test_the_tests_that_the_status_names_are_there():
    names = set(re.findall(r"`(test_\w+)`", (ROOT / "docs/status.md").read_text()))
    assert len(names) >= 20
    for name in names:
        assert (ROOT / f"tests/system/{name}.py").exists(), name


def test_numbers_in_messages_lead_somewhere():
    """Whoever reads "(S-013)" or "(check 16)" in the log finds it in the documents."""
    contracts = "".join(path.read_text() for path in (ROOT / "docs/contract").glob("*.md"))
    checks = (ROOT / "docs/checks.md").read_text()
    seen = set()
    for path in (ROOT / "drivers").rglob("*.c"):
        for number in re.findall(r'"[^"\n]*\((check \d+|[SA]-\d{3})\)', path.read_text()):
            seen.add(number)
            assert f"**{number}**" in contracts or f"\n| {number.removeprefix('check ')} |" in checks, f"{path.name}: {number}"
    assert len(seen) > 40


def commands_in(page):
    """(command, its options) of ours in a page's code, as it stands between backquotes and in blocks."""
    text = page.read_text()
    for code in re.findall(r"`([^`\n]+)`", text) + re.findall(r"^    (?:root@portolan:[^#]*# )?(.*)$", text, re.M):
        for line in re.split(r"[;|&']|-- ", code):
            name, *words = line.split() or [""]
            if re.fullmatch(r"[a-z]+", name) and (ROOT / f"userland/{name}.c").exists():
                yield name, [word for word in words if re.fullmatch(r"-\w|--\w[\w-]+", word)] if name != "iotrace" else []


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name != "commands"], ids=lambda path: str(path.relative_to(ROOT)))
def test_the_options_that_a_page_names_exist(page):
    for name, options in commands_in(page):
        said = subprocess.run([BUILD / "userland" / name, "--help"], capture_output=True, text=True, check=True).stdout
        for option in options:
            assert re.search(rf"^  .*{option}\b", said, re.M), f"{name} {option}"
