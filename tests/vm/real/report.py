#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The figures of tests/real: a line for each, what was lost to the base, a table and a plot.

report.py figures DIR CASE        a line for each figure of the case
report.py losses DIR CASE...      a line for each figure that lost more than 5% to the base
report.py files DIR CASE...       write table.md, results.json and the plots to DIR

DIR has the results of each case in CASE.base.results and CASE.patched.results, lines of WORD, KIND and fields with tabs
between; KIND is "figure" with name, value and unit, and "how" with the options of the run: those of another kind of run than
the last are left out. A ratio is how many times better than the base: of the medians of all repeats. Where the repeats of
one overlap with those of the other, nothing is won or lost.
"""

import json
import pathlib
import statistics
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import report as bench  # noqa: E402  pylint: disable=wrong-import-position
import show  # noqa: E402  pylint: disable=wrong-import-position

WORDS = ("base", "never", "exclusive", "always", "auto")
# What a figure may lose, or has to win, to be named.
PART = 0.05
DATABASES = {"mariadb": "MariaDB", "postgres": "PostgreSQL", "redis": "redis"}


def read(directory, case):
    """Unit and values of each figure, by word: in the order in which they came."""
    figures, last = {}, None
    paths = [directory / f"{case}.{role}.results" for role in ("base", "patched")]
    paths = sorted((path for path in paths if path.exists()), key=lambda path: path.stat().st_mtime, reverse=True)
    if not paths:
        sys.exit(f"{directory} has no results of {case}")
    for path in paths:
        for text in path.read_text(encoding="utf-8").splitlines():
            word, kind, *fields = text.split("\t")
            if kind == "how":
                last = last or fields
                if fields != last:
                    break
            if kind == "figure":
                name, value, unit = (*fields, "")[:3]
                figure = figures.setdefault(name, {"unit": unit, "values": {}})
                figure["values"].setdefault(word, []).append(float(value))
    return figures


def median(figure, word):
    """None where there is no figure of the word."""
    values = figure["values"].get(word)
    return statistics.median(values) if values else None


def ratio(figure, word):
    """How many times better than the base; None without a base, or for what is not compared."""
    ours, base = median(figure, word), median(figure, "base")
    if not figure["unit"] or word == "base" or not ours or not base:
        return None
    return ours / base if figure["unit"].startswith("/") else base / ours


def overlap(figure, word):
    """Do the repeats of the word reach into those of the base?"""
    ours, base = figure["values"][word], figure["values"]["base"]
    return len(ours) > 1 and min(ours) <= max(base) and min(base) <= max(ours)


def verdict(figure, word):
    """-1 for a loss, 1 for a gain, 0 for neither; None if it says nothing."""
    times = ratio(figure, word)
    if times is None:
        return None
    if abs(times - 1) <= PART or overlap(figure, word):
        return 0
    return 1 if times > 1 else -1


def number(value):
    """Three digits, and all of those before the point."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def shown(figure, word):
    """The figure of a word with what it is to the base."""
    values = figure["values"][word]
    text = number(statistics.median(values))
    if len(values) > 1:
        text += f" [{number(min(values))}..{number(max(values))}]"
    times = ratio(figure, word)
    return f"{word} {text}" + (f" ({times:.2f})" if times else "")


def line(case, name, figure):
    """One line of text."""
    unit = f", {figure['unit']}" if figure["unit"] else ""
    words = [word for word in WORDS if word in figure["values"]]
    return f"# {case}: {name}{unit}: " + ", ".join(shown(figure, word) for word in words)


def losses(cases):
    """What lost more than PART."""
    for case, figures in cases.items():
        for name, figure in figures.items():
            for word in WORDS:
                if word in figure["values"] and verdict(figure, word) == -1:
                    yield f"loss {case} {word}: {line(case, name, figure).split(': ', 1)[1]}"


def table(cases, word):
    """In Markdown: what each program gains and loses with the word, and how much of it stays the same."""
    rows = [["program", "gains", "loses", "the same"]]
    for case, figures in cases.items():
        verdicts = {name: verdict(figure, word) for name, figure in figures.items()}
        cells = []
        for wanted in (1, -1):
            cells.append(", ".join(f"{name} {ratio(figures[name], word):.2f}" for name in
                                   sorted((n for n in verdicts if verdicts[n] == wanted),
                                          key=lambda n: -wanted * ratio(figures[n], word))))
        same = sum(1 for v in verdicts.values() if v == 0)
        if any(v is not None for v in verdicts.values()):
            rows.append([case, *cells, f"{same} of {sum(v is not None for v in verdicts.values())}"])
    return show.markdown(rows, text=3) if len(rows) > 1 else ""


def plot(cases):
    """Name and gnuplot program: each figure of the databases, how many times better than the base."""
    used = [word for word in WORDS if word != "base" and
            any(word in f["values"] for case in DATABASES for f in cases.get(case, {}).values())]
    lines = []
    for case, title in DATABASES.items():
        for name, figure in cases.get(case, {}).items():
            times = [ratio(figure, word) for word in used]
            if any(times):
                lines.append(f'"{title}: {name}" ' + " ".join(f"{t:.4g}" if t else "NaN" for t in times))
    if not lines:
        return None
    colours = {**bench.COLOURS, "exclusive": "#40a060"}
    program = [show.block("data", lines), 'set title "Databases: how many times better than without the series" noenhanced',
               'set ylabel "times"', "set style data histogram", "set style histogram cluster gap 1",
               "set style fill solid 0.9 noborder", "set grid ytics", "set key outside top right",
               "set xtics rotate by -35 font ',9' noenhanced", "set bmargin 10", "set rmargin 16", "set logscale y 2", "set format y '%g'",
               "set arrow 1 from graph 0, first 1 to graph 1, first 1 nohead linecolor '#404040' front",
               "plot " + ", ".join(f'$data using {i + 2}{":xtic(1)" if i == 0 else ""} title "{word}" linecolor "{colours[word]}"'
                                   for i, word in enumerate(used))]
    return "databases", "\n".join(program) + "\n"


def main():
    """What the first argument says."""
    if len(sys.argv) < 4 or sys.argv[1] not in ("figures", "losses", "files"):
        sys.exit(__doc__)
    what, directory = sys.argv[1], pathlib.Path(sys.argv[2])
    cases = {case: read(directory, case) for case in sys.argv[3:]}
    if what == "figures":
        for case, figures in cases.items():
            for name, figure in figures.items():
                print(line(case, name, figure))
    elif what == "losses":
        for text in losses(cases):
            print(text)
    else:
        words = [word for word in WORDS if word != "base" and
                 any(word in f["values"] for figures in cases.values() for f in figures.values())]
        text = "".join(f"With `{word}`:\n\n{table(cases, word)}\n" for word in words)
        (directory / "table.md").write_text(text, encoding="utf-8")
        (directory / "results.json").write_text(json.dumps(cases) + "\n", encoding="utf-8")
        found = plot(cases)
        if found:
            try:
                show.draw(directory, *found)
            except RuntimeError as error:
                sys.exit(f"tests/real: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
