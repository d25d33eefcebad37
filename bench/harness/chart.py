"""Draws the chart: a panel for each phase, the wall-clock time over the added latency, a line for each contender, and the floor.

SVG by hand, because it is a few lines of text. Its colours follow the reader's light or dark scheme; contenders are told apart by the
shape of their marks as well. Whiskers go from the fastest run to the slowest.
"""

from xml.sax.saxutils import escape

from .contenders import contenders
from .figures import median
from .phases import PHASES

WIDTH, HEIGHT = 1000, 640
COLUMNS = 3
MARGIN, GAP, TOP = 20, 26, 64
PANEL_WIDTH = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) / COLUMNS
PANEL_HEIGHT = (HEIGHT - TOP - MARGIN - GAP) / 2
# Margins of the plot within a panel.
LEFT, RIGHT, ABOVE, BELOW = 40, 12, 34, 36

# Colours for light and dark grounds (after Okabe and Ito, for readers with colour blindness), and marks.
LOOKS = {
    "liveinsight": ("#0072b2", "#56b4e9", "circle"),
    "boto3-import": ("#b8860b", "#f0c85a", "diamond"),
    "boto3-threads": ("#c2410c", "#fb8a4c", "square"),
    "boto3": ("#a0527a", "#e39cc4", "triangle"),
    "terraform": ("#6d28d9", "#b79cf5", "cross"),
}

# (selector, property, light, dark). Plain rules rather than variables, which not every viewer supports.
GROUNDS = [
    (".ground", "fill", "#ffffff", "#12181f"),
    ("text", "fill", "#1c2430", "#e8edf3"),
    (".small", "fill", "#5d6b7c", "#94a3b5"),
    (".grid", "stroke", "#e4e9ef", "#2a3440"),
    (".axis", "stroke", "#8a97a6", "#6b7a8c"),
    (".floor", "stroke", "#1c2430", "#e8edf3"),
    (".mark", "stroke", "#ffffff", "#12181f"),
]

STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif }
  .title { font-size: 17px; font-weight: 600 } .panel { font-weight: 600 } .small { font-size: 11.5px }
  .grid, .axis, .mark { stroke-width: 1 } .whisker { stroke-width: 1.2 }
  .floor { stroke-width: 1.6; stroke-dasharray: 5 4; fill: none }
  .line { fill: none; stroke-width: 2.2; stroke-linejoin: round }
"""


def draw(figures):
    """The chart of these figures, as SVG."""
    present = [contender for contender in contenders("", None) if figures.took_part(contender.key)]
    ground = "the same 59 resources, local AWS, added latency per call; median, fastest and slowest run"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        'aria-label="Wall-clock time of each phase by added latency">',
        f"<style>{colours()}{STYLE}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}" rx="10"/>',
        f'<text class="title" x="{MARGIN + 8}" y="32">Seconds from start to exit</text>',
        f'<text class="small" x="{MARGIN + 8}" y="51">{ground}</text>',
    ]
    for number, phase in enumerate(PHASES):
        parts += panel(figures, phase, present, *corner(number))
    parts += legend(present, *corner(len(PHASES)))
    return "\n".join([*parts, "</svg>", ""])


def corner(number):
    row, column = divmod(number, COLUMNS)
    return MARGIN + column * (PANEL_WIDTH + GAP), TOP + row * (PANEL_HEIGHT + GAP)


def colours():
    rules = list(GROUNDS)
    for key, look in LOOKS.items():
        rules += [(f".line.{key}, .whisker.{key}", "stroke", *look[:2]), (f".mark.{key}", "fill", *look[:2])]
    of = lambda which: " ".join(f"{rule[0]} {{ {rule[1]}: {rule[2 + which]} }}" for rule in rules)
    return f"\n  {of(0)}\n  @media (prefers-color-scheme: dark) {{ {of(1)} }}"


def panel(figures, phase, present, left, top):
    x0, x1 = left + LEFT, left + PANEL_WIDTH - RIGHT
    y0, y1 = top + PANEL_HEIGHT - BELOW, top + ABOVE
    latencies = figures.latencies
    of = lambda contender, latency: figures.values(contender.key, phase.key, "wall", str(latency))
    most = max([wall for contender in present for latency in latencies for wall in of(contender, latency)], default=1.0)
    step = nice_step(most)
    highest = step * -(-most // step)
    longest = max(latencies, default=0) or 1
    x = lambda latency: x0 + (x1 - x0) * (0.04 + 0.92 * latency / longest)
    y = lambda wall: y0 - (y0 - y1) * wall / highest

    parts = [f'<text class="panel" x="{left + 8:.1f}" y="{top + 18:.1f}">{escape(phase.title)}</text>']
    for tick in range(round(highest / step) + 1):
        at = y(tick * step)
        parts.append(f'<line class="{"grid" if tick else "axis"}" x1="{x0:.1f}" x2="{x1:.1f}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text class="small" x="{x0 - 6:.1f}" y="{at + 4:.1f}" text-anchor="end">{tick * step:g}</text>')
    for latency in latencies:
        parts.append(f'<text class="small" x="{x(latency):.1f}" y="{y0 + 17:.1f}" text-anchor="middle">{latency} ms</text>')
    floor = " ".join(f"{x(latency):.1f},{y(figures.floor(phase, str(latency))):.1f}" for latency in latencies)
    parts.append(f'<polyline class="floor" points="{floor}"/>')
    # Draws the first contender last, on top of all others.
    for contender in reversed(present):
        points = [(x(latency), of(contender, latency)) for latency in latencies]
        points = [(at, walls) for at, walls in points if walls]
        line = " ".join(f"{at:.1f},{y(median(walls)):.1f}" for at, walls in points)
        parts.append(f'<polyline class="line {contender.key}" points="{line}"/>')
        for at, walls in points:
            ends = f'y1="{y(min(walls)):.1f}" y2="{y(max(walls)):.1f}"'
            parts.append(f'<line class="whisker {contender.key}" x1="{at:.1f}" x2="{at:.1f}" {ends}/>')
            parts.append(mark(contender.key, at, y(median(walls))))
    return parts


def nice_step(most):
    """The distance of grid lines: 1, 2 or 5 times a power of ten, four to eight of them."""
    power = 10.0
    while power > most / 4:
        power /= 10
    return next(factor * power for factor in (1, 2, 5, 10) if most / (factor * power) <= 6)


def mark(key, x, y):
    style, shape = f'class="mark {key}"', LOOKS[key][2]
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" {style}/>'
    corners = {
        "diamond": [(0, -6), (6, 0), (0, 6), (-6, 0)],
        "square": [(-4.5, -4.5), (4.5, -4.5), (4.5, 4.5), (-4.5, 4.5)],
        "triangle": [(0, -6), (5.5, 4.5), (-5.5, 4.5)],
        "cross": [(-2, -6), (2, -6), (2, -2), (6, -2), (6, 2), (2, 2), (2, 6), (-2, 6), (-2, 2), (-6, 2), (-6, -2), (-2, -2)],
    }[shape]
    points = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners)
    return f'<polygon points="{points}" {style}/>'


def legend(present, left, top):
    parts = []
    for row, contender in enumerate(present):
        at = top + 52 + 26 * row
        parts.append(f'<line class="line {contender.key}" x1="{left + 24}" x2="{left + 56}" y1="{at}" y2="{at}"/>')
        parts.append(mark(contender.key, left + 40, at))
        parts.append(f'<text x="{left + 66}" y="{at + 4}">{escape(contender.title)}</text>')
    at = top + 52 + 26 * len(present)
    parts.append(f'<line class="floor" x1="{left + 24}" x2="{left + 56}" y1="{at}" y2="{at}"/>')
    parts.append(f'<text x="{left + 66}" y="{at + 4}">floor: shortest chain of calls × latency</text>')
    return parts
