#!/usr/bin/env python3
"""Makes a picture of what a program prints on a terminal.

Reads text with ANSI colours from the standard input, writes SVG to the standard output. How
demo.svg was made:

    tmux -L picture new-session -d -x 100 -y 24 target/release/wattbridge demo
    sleep 45
    tmux -L picture capture-pane -e -p | docs/images/terminal_svg.py > docs/images/demo.svg
    tmux -L picture send-keys C-c
"""

import html
import re
import sys

DIM = "#838ba7"
COLOURS = {30: "#1f2430", 31: "#f07178", 32: "#a6d189", 33: "#e5c07b", 36: "#81c8be", 90: DIM}
PLAIN, BACKGROUND = "#e4e8f0", "#1f2430"
WIDTH, HEIGHT, MARGIN = 7.8, 19, 16


def spans(line):
    """Column, colour, weight and text of each piece of a line."""
    column, colour, weight, is_dim = 0, PLAIN, "", False
    for piece in re.split(r"(\x1b\[[0-9;]*m)", line):
        codes = re.fullmatch(r"\x1b\[([0-9;]*)m", piece)
        if codes:
            for code in (int(code or 0) for code in codes[1].split(";")):
                if code == 0:
                    colour, weight, is_dim = PLAIN, "", False
                elif code == 1:
                    weight = ' font-weight="bold"'
                elif code == 2:
                    is_dim = True
                else:
                    colour = COLOURS.get(code, PLAIN)
        elif piece:
            if piece.strip():
                yield column, DIM if is_dim else colour, weight, piece
            column += len(piece)


def main():
    lines = [line.rstrip("\r\n") for line in sys.stdin]
    while lines and not lines[-1].strip():
        lines.pop()
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    width = round(max(map(len, plain)) * WIDTH + 2 * MARGIN)
    height = len(lines) * HEIGHT + 2 * MARGIN
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace" font-size="13">',
        f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>',
    ]
    for row, line in enumerate(lines):
        y = MARGIN + row * HEIGHT + 14
        for column, colour, weight, text in spans(line):
            column += len(text) - len(text.lstrip())
            text = text.strip()
            # The length is given too, so that columns stay columns in whatever font there is.
            out.append(
                f'<text x="{MARGIN + column * WIDTH:.1f}" y="{y}" fill="{colour}"{weight} xml:space="preserve" '
                f'textLength="{len(text) * WIDTH:.1f}" lengthAdjust="spacingAndGlyphs">{html.escape(text)}</text>'
            )
    out.append("</svg>")
    print("\n".join(out))


main()
