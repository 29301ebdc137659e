#!/bin/sh
# build.sh FOLDER: the book as HTML (FOLDER/index.html) and as PDF (FOLDER/portolan.pdf), by pandoc, Graphviz and WeasyPrint.
set -eu
out=$1
cd "$(dirname "$0")/.."
chapters="book/[0-9]*.md"
rest="writing-a-miniport.md debugging.md files.md checks.md status.md figures.md CAVEATS.md"
mkdir -p "$out/book" "$out/commands" "$out/contract"

style='node [shape=box, style="rounded,filled", fillcolor="#eef4fb", fontname="sans-serif", fontsize=11];
       edge [color="#4a6a8a", fontname="sans-serif", fontsize=10]; fontname="sans-serif"; fontsize=11;'
picture() { # DOT SVG: in the style of all, but for what it says itself
    { sed 1q "$1" && echo "$style" && sed 1d "$1"; } | dot -Tsvg -o "$2"
}
for dot in book/*.dot; do picture "$dot" "$out/${dot%.dot}.svg"; done
cp book/book.css "$out/"

title() { sed -n '1s/^# //p' "$1"; }

page() { # FILE PREFIX: FILE as a page; PREFIX leads from there to the folder
    pandoc -f gfm -t html5 --standalone --lua-filter book/links.lua --css "$2book.css" --metadata pagetitle="$(title "$1")" \
        -V include-before="<nav><a href='$2index.html'>Portolan</a></nav>" -o "$out/${1%.md}.html" "$1"
}

for file in $chapters; do page "$file" ../; done
for file in $rest obligations.md; do page "$file" ''; done
for file in commands/*.md contract/*.md; do page "$file" ../; done

{
    printf '# Portolan: the book\n\n[As one PDF](portolan.pdf)\n\n'
    for file in $chapters; do printf -- '- [%s](%s)\n' "$(title "$file")" "$file"; done
    printf '\n## Beside it\n\n'
    for file in $rest; do printf -- '- [%s](%s)\n' "$(title "$file")" "$file"; done
    printf -- '- [Commands](commands/README.md)\n- [Obligations](obligations.md): [ATA port](contract/ataport.md), [SCSI port](contract/scsiport.md)\n'
} >"$out/index.md"
pandoc -f gfm -t html5 --standalone --lua-filter book/links.lua --css book.css --metadata pagetitle=Portolan -o "$out/index.html" "$out/index.md"
rm "$out/index.md"

# shellcheck disable=SC2086 # lists of words
pandoc -f gfm -t html5 --standalone --toc --toc-depth=1 --lua-filter book/links.lua --css "$out/book.css" \
    --metadata title='Portolan: the book' --metadata pictures="$out/book" --pdf-engine=weasyprint \
    -o "$out/portolan.pdf" $chapters $rest 2>"$out/pdf.log" || { cat "$out/pdf.log"; exit 1; }
rm -f "$out/pdf.log"
