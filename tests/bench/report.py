# SPDX-License-Identifier: GPL-2.0
"""The figures of tests/bench/run as a table, as JSON and as plots: from the records of finished
runs to text, without looking at anything else."""

import json
import re
import statistics

from show import block, markdown

# The columns: settings of the unpatched kernel, whose best is the one to beat, then ours.
BASE_SETTINGS = ("base", "base+mthp")
SETTINGS = BASE_SETTINGS + ("never", "always", "auto")
SWAPS = ("disk", "zram", "zswap", "rotating", "file")
# Those that are compared with the best of the base and with the limit.
OURS = ("always", "auto")

# Rows of the table: metric, what the table calls it, unit, and whether less or more is better
# (None: neither, it is shown for information).
SWAP_IN = [
    ("seconds", "swap in", "s", "less"),
    ("cpu_seconds", "processor time", "s", "less"),
    ("faults", "faults", "", "less"),
    ("major_faults", "major faults", "", "less"),
    ("device_reads", "device reads", "", "less"),
    ("device_read_kib", "mean read, KiB", "", None),
]
OPERATIONS = ("fork", "child_exit", "exit", "munmap", "madv_free", "mprotect", "mremap", "mincore",
              "smaps_rollup", "pagemap")
MAPPED = [f"{kind}_{what}" for kind in ("small", "thp") for what in ("fault", "fork", "child_exit", "munmap")]
HUGE = ("huge_percent", "huge afterwards, %", "", "more")
SWAP_OUT = ("swapout_seconds", "swap out", "s", "less")
ROWS = {
    "sequential": [SWAP_OUT, *SWAP_IN, HUGE, ("page_tables_kib", "page tables, swapped out, KiB", "", "less")],
    "random": [*SWAP_IN, HUGE],
    "sparse": [*SWAP_IN, ("read_mib", "read, MiB", "", "less")],
    "zswap": [SWAP_OUT, *SWAP_IN[:3], HUGE],
    "latency": [(f"{prefix}{point}_us", f"{what}, {point}", "us", "less")
                for prefix, what in (("", "any page"), ("first_", "first page of a THP"))
                for point in ("p50", "p99", "max")],
    "operations": [(f"{name}_seconds", name.replace("_", " "), "s", "less") for name in OPERATIONS],
    "swapoff": [*SWAP_IN[:2], SWAP_IN[4], HUGE],
    "rounds": [("mib_per_second", "written, MiB/s", "", "more"), ("cpu_seconds", "processor time", "s", "less"),
               ("faults", "faults", "", "less"), ("ipis", "interrupts to processors", "", "less"),
               ("swapped_in_mib", "swapped in, MiB", "", "less"), ("huge_percent", "huge at the end, %", "", "more")],
    "mapped": [(f"{name}_seconds", name.replace("_", " "), "s", "less") for name in (*MAPPED, "programs")],
    "redis": [(f"{phase}_{what}", f"{label}, {phase}", unit, better) for phase in ("before", "during", "after")
              for what, label, unit, better in (("per_second", "GET/s", "", "more"), ("p99_ms", "p99", "ms", "less"),
                                                ("max_ms", "max", "ms", "less"))] + [HUGE],
    "pattern": [("ops_per_second", "operations per second", "", "more"), ("faults", "faults", "", "less"),
                ("thp_swpin_pmd", "THPs brought in whole", "", None), ("pswpin", "pages swapped in", "", "less"),
                ("pswpout", "pages swapped out", "", "less"), HUGE,
                ("huge_later_percent", "huge after khugepaged, %", "", "more")],
    "build": [("seconds", "build", "s", "less"), ("faults", "faults", "", "less"),
              ("thp_swpin_pmd", "THPs brought in whole", "", None), ("pswpin", "pages swapped in", "", "less"),
              ("pswpout", "pages swapped out", "", "less")],
    "daemon": [("reload_seconds", "reload, nothing new", "s", "less"), ("change_seconds", "reload, all change", "s", "less"),
               ("reload_cpu_seconds", "processor time of the first", "s", "less"),
               ("change_cpu_seconds", "processor time of the second", "s", "less"),
               ("wakeups_per_minute", "wake-ups per minute, idle", "", "less"), ("rss_kib", "resident, KiB", "", "less")],
}
# The limit of a metric is in limit_METRIC, or here.
LIMITS = {"huge_percent": 100, "page_tables_kib": 0, "wakeups_per_minute": 0}
LIMIT_NAMES = {"change_seconds": "limit_seconds", "p50_us": "", "first_p50_us": "limit_p50_us"}


def family(benchmark):
    """The rows of zswap-lzo and zswap-zstd are those of zswap."""
    return ROWS[benchmark] if benchmark in ROWS else ROWS[benchmark.split("-")[0]]


def summarize(values):
    """Median, and half the range as a percentage of it."""
    middle = statistics.median(values)
    spread = 100 * (max(values) - min(values)) / 2 / abs(middle) if middle else 0
    return {"median": middle, "spread_percent": spread, "values": values}


def gain(best, ours, better):
    """How many times better ours is; None if that says nothing."""
    if better is None or best is None or ours is None:
        return None
    good, bad = (best, ours) if better == "less" else (ours, best)
    if good == bad:
        return 1.0
    return good / bad if bad else None


def rows(records):
    """One dictionary for each row of the table, in the order of ROWS and of the records."""
    groups = {}
    for record in records:
        key = (record["benchmark"], record["swap"], record["clock"], record["size"])
        groups.setdefault(key, []).append(record)
    order = list(ROWS)
    result = []
    for key in sorted(groups, key=lambda k: (order.index(k[0] if k[0] in ROWS else k[0].split("-")[0]),
                                             *natural(k[0]), k[1:])):
        benchmark, swap, clock, size = key
        for metric, label, unit, better in family(benchmark):
            row = {"benchmark": benchmark, "swap": swap, "clock": clock, "size_mib": size, "metric": metric,
                   "label": label, "unit": unit, "better": better, "settings": {}, "limit": LIMITS.get(metric)}
            limit_name = LIMIT_NAMES.get(metric, "limit_" + metric)
            limits = []
            for setting in SETTINGS:
                metrics = [r["metrics"] for r in groups[key] if r["setting"] == setting]
                values = [m[metric] for m in metrics if metric in m]
                if values:
                    row["settings"][setting] = summarize(values)
                limits += [m[limit_name] for m in metrics if limit_name in m]
            if not row["settings"]:
                continue
            if limits:
                row["limit"] = statistics.median(limits)
            medians = {setting: s["median"] for setting, s in row["settings"].items()}
            base = [medians[s] for s in BASE_SETTINGS if s in medians]
            best = None
            if base and better:
                best = min(base) if better == "less" else max(base)
            row["gain"] = {word: gain(best, medians.get(word), better) for word in OURS}
            row["never_to_base"] = (medians["never"] / medians["base"]
                                    if medians.get("base") and "never" in medians else None)
            # What the device is capable of differs from boot to boot: a run is compared with the limit of its own.
            row["times_limit"] = {}
            for word in OURS:
                pairs = [r["metrics"][metric] / limit for r in groups[key] if r["setting"] == word
                         and metric in r["metrics"] and (limit := r["metrics"].get(limit_name, row["limit"]))]
                row["times_limit"][word] = statistics.median(pairs) if pairs else None
            result.append(row)
    return result


def natural(name):
    """daemon-10000 comes after daemon-1000."""
    head, _, tail = name.partition("-")
    return head, int(tail) if tail.isdigit() else 0, tail


def number(value, unit=""):
    """Three significant digits, with the unit that fits."""
    if value is None:
        return ""
    if unit == "s":
        for factor, name in ((1, "s"), (1e3, "ms"), (1e6, "us")):
            if value * factor >= 1 or name == "us":
                return f"{plain(value * factor)} {name}"
    return f"{plain(value)} {unit}".rstrip()


def plain(value):
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:.0f}"
    if float(value).is_integer():
        return f"{value:.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def cell(summary, unit):
    if summary is None:
        return ""
    text = number(summary["median"], unit)
    return f"{text} ±{summary['spread_percent']:.0f}%" if len(summary["values"]) > 1 else text


def times(value):
    """A ratio."""
    if value is None:
        return ""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 0.1 else 3
    return f"{value:.{digits}f}x"


def percent(ratio):
    """A ratio as the percentage that it is off 1."""
    return "" if ratio is None else f"{100 * (ratio - 1):+.1f}%"


# --- regret -----------------------------------------------------------------

# What auto may take, as a multiple of the better of always and never: the first that matches the benchmark. For
# disk, zram and zswap; None: no matter how much.
ALLOWED = [
    (r"pattern-(in-order|backwards|two-streams|write)(-again)?(@\d+)?", 1.15, 1.15, 1.15),
    (r"pattern-random(-again)?", 1.5, 1.3, 1.3),
    (r"pattern-(one|eight|every-64k)(-shuffled|-new)?(-again)?(@\d+)?", 1.3, 1.3, 1.3),
    (r"pattern-zipf(-together)?(-again)?@50", 1.2, 1.2, 1.2),
    (r"pattern-(dense-sparse-dense|order-random-order)(@\d+)?", 1.5, 1.5, 1.5),
    (r"rounds", 1.15, 1.15, None),
]
# What auto may take as a multiple of the base.
ALLOWED_TO_BASE = r"build|pattern-small-vmas(-sparse|-random)?(@\d+)?"
TO_BASE = 1.05
# Of what else there is, the metric that counts, whether less or more of it is better, and what is allowed.
REGRET_METRICS = {
    "pattern": [("ops_per_second", "", "more", None)],
    "rounds": [("mib_per_second", ", MiB/s", "more", None)],
    "build": [("seconds", ", s", "less", None)],
    "redis": [("during_per_second", ", GET/s during", "more", 1 / 0.9), ("after_per_second", ", GET/s after", "more", 1 / 0.8)],
}


def allowed_regret(benchmark, swap):
    for pattern, *limits in ALLOWED:
        if re.fullmatch(pattern, benchmark):
            return dict(zip(("disk", "zram", "zswap"), limits)).get(swap)
    return None


def regret_rows(records):
    """One dictionary for each benchmark and kind of swap that has figures of auto, never and always."""
    groups = {}
    for record in records:
        if record["benchmark"].split("-")[0] in REGRET_METRICS:
            key = (record["benchmark"], record["swap"], record["clock"], record["size"])
            groups.setdefault(key, {}).setdefault(record["setting"], {})[record["repeat"]] = record["metrics"]
    result = []
    for (benchmark, swap, clock, size), settings in groups.items():
        for metric, label, better, allowed in REGRET_METRICS[benchmark.split("-")[0]]:
            row = {"benchmark": benchmark, "label": benchmark.removeprefix("pattern-") + label, "swap": swap, "clock": clock,
                   "size_mib": size, "metric": metric, "settings": {}, "regret": None,
                   "allowed": allowed or allowed_regret(benchmark, swap)}
            for setting in SETTINGS:
                values = [m[metric] for m in settings.get(setting, {}).values() if metric in m]
                if values:
                    row["settings"][setting] = summarize(values)
            regrets = []
            for repeat, metrics in settings.get("auto", {}).items():
                others = [settings[s][repeat][metric] for s in ("never", "always") if repeat in settings.get(s, {})]
                if len(others) == 2:
                    regrets.append(max(others) / metrics[metric] if better == "more" else metrics[metric] / min(others))
            if re.fullmatch(ALLOWED_TO_BASE, benchmark):
                row["allowed"] = TO_BASE
                base, auto = (row["settings"].get(s, {}).get("median") for s in ("base", "auto"))
                regrets = [base / auto if better == "more" else auto / base] if base and auto else []
                row["label"] += ", to the base"
            if regrets:
                row["regret"] = statistics.median(regrets)
                row["missed"] = bool(row["allowed"]) and row["regret"] > row["allowed"]
            if len(set(row["settings"]) & {"never", "always", "auto"}) > 1:
                result.append(row)
    return sorted(result, key=lambda row: (SWAPS.index(row["swap"]), row["size_mib"]))


def regret_table(table_rows):
    """In Markdown: operations per second, regret, and a mark where it is more than is allowed."""
    settings = [s for s in SETTINGS if any(s in row["settings"] for row in table_rows)]
    lines, last = [["", *settings, "always / never", "regret", "allowed", ""]], None
    for row in table_rows:
        heading = f"{row['swap']}, {row['size_mib']} MiB" + (", counted" if row["clock"] == "count" else "")
        if heading != last:
            last = heading
            lines.append([f"**{heading}**"] + [""] * (len(settings) + 4))
        medians = {s: summary["median"] for s, summary in row["settings"].items()}
        quotient = medians["always"] / medians["never"] if {"always", "never"} <= set(medians) else None
        lines.append([row["label"], *(number(medians.get(s)) for s in settings), plain(quotient) if quotient else "",
                      f"{row['regret']:.2f}" if row["regret"] else "", f"{row['allowed']:.2f}" if row["allowed"] else "",
                      "MISSED" if row.get("missed") else ""])
    return markdown(lines)


def title(row):
    where = "" if row["swap"] == "none" else f", {row['swap']}"
    size = "" if row["benchmark"].startswith("daemon") else f", {row['size_mib']} MiB"
    counted = ", counted" if row["clock"] == "count" else ""
    return f"{row['benchmark']}{where}{size}{counted}"


def table(table_rows):
    """The table, in Markdown, with columns that line up in a terminal too."""
    settings = [s for s in SETTINGS if any(s in row["settings"] for row in table_rows)]
    # What the series costs those who do not use it.
    cost = any(row["never_to_base"] for row in table_rows)
    ours = [word for word in OURS if word in settings]
    head = ["", *settings, *(["never to base"] if cost else []), *(f"gain, {word}" for word in ours), "limit",
            *(f"{word} / limit" for word in ours)]
    lines, last = [head], None
    for row in table_rows:
        if title(row) != last:
            last = title(row)
            lines.append([f"**{last}**"] + [""] * (len(head) - 1))
        lines.append([row["label"], *(cell(row["settings"].get(s), row["unit"]) for s in settings),
                      *([percent(row["never_to_base"])] if cost else []), *(times(row["gain"][word]) for word in ours),
                      number(row["limit"], row["unit"]), *(times(row["times_limit"][word]) for word in ours)])
    return markdown(lines)


def file_table(table_rows):
    """In Markdown: what a swap file takes beside a disk, for each setting; None if there are not both."""
    def key(row):
        return row["benchmark"], row["clock"], row["size_mib"], row["metric"]

    disk = {key(row): row["settings"] for row in table_rows if row["swap"] == "disk"}
    pairs = [(row, disk[key(row)]) for row in table_rows if row["swap"] == "file" and row["better"] and key(row) in disk]
    settings = [s for s in SETTINGS if any(s in row["settings"] and s in other for row, other in pairs)]
    if not settings:
        return None
    lines, last = [["file to disk", *settings]], None
    for row, other in pairs:
        if title(row) != last:
            last = title(row)
            lines.append([f"**{last}**"] + [""] * len(settings))
        ratios = (row["settings"][s]["median"] / other[s]["median"]
                  if s in row["settings"] and other.get(s, {}).get("median") else None for s in settings)
        lines.append([row["label"], *map(percent, ratios)])
    return markdown(lines)


def as_json(table_rows, about):
    return json.dumps({"about": about, "rows": table_rows}, indent=1, sort_keys=True) + "\n"


# --- plots: gnuplot programs, with the data in them -------------------------

COLOURS = {"base": "#888888", "base+mthp": "#bbbbbb", "never": "#e0b060", "always": "#2060c0", "auto": "#c04080",
           "limit": "#208040"}


def bars(name, heading, ylabel, wanted, logarithmic=True):
    """Clusters of bars: one cluster for each row, one bar for each setting and for the limit."""
    used = [s for s in (*SETTINGS, "limit")
            if any((row["limit"] if s == "limit" else row["settings"].get(s)) for _, row in wanted)]
    lines = []
    for label, row in wanted:
        values = [row["limit"] if s == "limit" else row["settings"].get(s, {}).get("median") for s in used]
        lines.append(f'"{label}" ' + " ".join(f"{v:.9g}" if v else "NaN" for v in values))
    program = [block("data", lines), f'set title "{heading}"', f'set ylabel "{ylabel}"',
               "set style data histogram", "set style histogram cluster gap 1", "set style fill solid 0.9 noborder",
               "set grid ytics", "set key outside top right", "set xtics rotate by -25", "set bmargin 7"]
    if logarithmic:
        program += ["set logscale y", "set format y '%g'"]
    else:
        program.append("set yrange [0:*]")
    plots = ", ".join(f'$data using {i + 2}{":xtic(1)" if i == 0 else ""} title "{s}" linecolor "{COLOURS[s]}"'
                      for i, s in enumerate(used))
    program.append("plot " + plots)
    return name, "\n".join(program) + "\n"


def latency_plot(name, heading, histograms):
    """The share of touches that take longer than so many microseconds, for each setting."""
    program, plots = [], []
    for i, (setting, pairs) in enumerate(histograms.items()):
        total, seen, lines = sum(count for _, count in pairs), 0, []
        for start, count in pairs:
            lines.append(f"{max(start, 1) / 1e3:.6g} {(total - seen) / total:.9g}")
            seen += count
        program.append(block(f"data{i}", lines))
        plots.append(f'$data{i} using 1:2 with steps linewidth 2 linecolor "{COLOURS[setting]}" title "{setting}"')
    program += [f'set title "{heading}"', 'set xlabel "microseconds"', 'set ylabel "share of touches that take longer"',
                "set logscale xy", "set format y '10^{%T}'", "set grid", "plot " + ", ".join(plots)]
    return name, "\n".join(program) + "\n"


def merged_histograms(records, swap):
    """The latency histograms of all repeats, added up, for each setting."""
    merged = {}
    for record in records:
        if record["benchmark"] == "latency" and record["swap"] == swap and "histogram" in record["metrics"]:
            counts = merged.setdefault(record["setting"], {})
            for start, count in record["metrics"]["histogram"]:
                counts[start] = counts.get(start, 0) + count
    return {s: sorted(merged[s].items()) for s in SETTINGS if s in merged}


# --- how much of each THP is present ---------------------------------------

# Reading a THP pays from so many of its pages on: the least and the most that was measured.
BREAK_EVEN = {"disk": (2, 6), "zram": (140, 445), "zswap": (330, 330)}


def present_counts(records, swap, setting="never"):
    """For each benchmark, how many looks found how many pages of a THP present: sorted pairs of pages and looks."""
    merged = {}
    for record in records:
        if record["swap"] == swap and record["setting"] == setting and "present" in record["metrics"]:
            counts = merged.setdefault(record["benchmark"].removeprefix("pattern-"), {})
            for pages, looks in record["metrics"]["present"]:
                counts[pages] = counts.get(pages, 0) + looks
    return {name: sorted(counts.items()) for name, counts in merged.items()}


def deciles(pairs):
    """The numbers of pages below which a tenth, two tenths ... of the looks are."""
    total, seen, result = sum(looks for _, looks in pairs), 0, []
    for pages, looks in pairs:
        seen += looks
        while len(result) < 9 and seen * 10 >= total * (len(result) + 1):
            result.append(pages)
    return result


def present_table(records):
    """In Markdown: deciles, and the share of THPs of which more is present than what pays."""
    lines = [["pages of 512 present", *(f"{10 * i}%" for i in range(1, 10)), "below", "between", "above"]]
    for swap, (low, high) in BREAK_EVEN.items():
        counts = present_counts(records, swap)
        if counts:
            lines.append([f"**{swap}: pays from {low}{f' to {high}' if high != low else ''}**"] + [""] * 12)
        for name, pairs in counts.items():
            total = sum(looks for _, looks in pairs)
            below = sum(looks for pages, looks in pairs if pages < low) / total
            above = sum(looks for pages, looks in pairs if pages > high) / total
            lines.append([name, *map(str, deciles(pairs)),
                          *(f"{100 * share:.0f}%" for share in (below, abs(1 - below - above), above))])
    return markdown(lines) if len(lines) > 1 else ""


def present_plot(swap, counts):
    """The share of THPs of which so many pages or fewer are present; between the lines it depends."""
    program, plots = [], []
    for i, (name, pairs) in enumerate(counts.items()):
        total, seen, lines = sum(looks for _, looks in pairs), 0, ["0.7 0"]
        for pages, looks in pairs:
            lines.append(f"{max(pages, 0.7)} {seen / total:.6g}")
            seen += looks
            lines.append(f"{max(pages, 0.7)} {seen / total:.6g}")
        lines.append("512 1")
        program.append(block(f"data{i}", lines))
        plots.append(f'$data{i} using 1:2 with lines linewidth 2 dashtype {1 + i // 8} title "{name}"')
    low, high = BREAK_EVEN[swap]
    program += [f'set title "Pages present of each THP, {swap}, never; grey: where whole breaks even" noenhanced',
                'set xlabel "pages present, of 512"', 'set ylabel "share of THPs that have so many or fewer"',
                "set logscale x 2", "set xrange [0.7:560]", "set yrange [0:1.02]", "set grid", "set key outside right noenhanced",
                f"set object 1 rectangle from {low * 0.97},0 to {high * 1.03},1.02 behind fillcolor '#dddddd' fillstyle solid noborder",
                "plot " + ", ".join(plots)]
    return f"present-{swap}", "\n".join(program) + "\n"


def plots(records, table_rows):
    """Name and gnuplot program of each plot that there are figures for."""
    result = []
    swap_in = [(f"{row['benchmark']}, {row['swap']}", row) for row in table_rows
               if row["metric"] == "seconds" and row["benchmark"].split("-")[0] in
               ("sequential", "random", "sparse", "zswap", "swapoff")]
    if swap_in:
        result.append(bars("swap-in", "Bringing swapped out THPs back", "seconds", swap_in))
    for swap in ("disk", "zram"):
        operations = [(row["label"], row) for row in table_rows
                      if row["benchmark"] == "operations" and row["swap"] == swap]
        if operations:
            result.append(bars(f"operations-{swap}", f"Operations on THPs swapped out to {swap}", "seconds", operations))
        histograms = merged_histograms(records, swap)
        if histograms:
            result.append(latency_plot(f"latency-{swap}", f"First touch of a page, swapped out to {swap}", histograms))
    rounds = [(row["swap"], row) for row in table_rows
              if row["benchmark"] == "rounds" and row["metric"] == "mib_per_second"]
    if rounds:
        result.append(bars("rounds", "Processes that write more than fits, round after round", "MiB per second", rounds,
                           logarithmic=False))
    for swap in BREAK_EVEN:
        counts = present_counts(records, swap)
        if counts:
            result.append(present_plot(swap, counts))
    daemon = [(f"{row['label'].removeprefix('reload, ')}, {row['benchmark'].split('-')[1]}", row) for row in table_rows
              if row["benchmark"].startswith("daemon") and row["metric"] in ("reload_seconds", "change_seconds")]
    if daemon:
        result.append(bars("daemon", "pmdswapctl reload, by number of cgroups", "seconds", daemon))
    return result
