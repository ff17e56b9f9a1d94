# SPDX-License-Identifier: GPL-2.0
"""What tests/bench and tests/real show their figures with: tables in Markdown, and plots by gnuplot."""

import subprocess


def markdown(lines, text=1):
    """A table that lines up in a terminal too; the first line is the head, and so many columns are text, not figures."""
    widths = [max(3, *(len(line[i]) for line in lines)) for i in range(len(lines[0]))]

    def row(line):
        return "| " + " | ".join(cell.ljust(width) if i < text else cell.rjust(width)
                                 for i, (cell, width) in enumerate(zip(line, widths))) + " |"

    rule = row(["-" * width if i < text else "-" * (width - 1) + ":" for i, width in enumerate(widths)])
    return "\n".join([row(lines[0]), rule, *map(row, lines[1:])]) + "\n"


def block(name, lines):
    """Data in a program of gnuplot, which plots it as $NAME."""
    return f"${name} << EOD\n" + "\n".join(lines) + "\nEOD\n"


def draw(directory, name, program):
    """NAME.svg and NAME.png, by the program. Raises RuntimeError with what gnuplot says."""
    for suffix, terminal in (("svg", "svg size 900,500 dynamic background rgb 'white'"), ("png", "pngcairo size 900,500")):
        text = f"set terminal {terminal}\nset output '{directory / name}.{suffix}'\n{program}"
        done = subprocess.run(["gnuplot", "-"], input=text, text=True, stderr=subprocess.PIPE, check=False)
        if done.returncode:
            raise RuntimeError(f"gnuplot could not draw {name}: {done.stderr.strip()}")
