// A line of the latest round trips.

const KEPT = 60;
const WIDTH = 240;
const HEIGHT = 40;
const MARGIN = 3;
// The scale never magnifies less than this, so that a quiet network looks quiet.
const LEAST_SPAN_MS = 20;

export class Sparkline {
  #svg;
  #line;
  #samples = [];

  constructor(svg) {
    this.#svg = svg;
    this.#line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    svg.append(this.#line);
  }

  add(ms) {
    this.#samples = [...this.#samples, ms].slice(-KEPT);
    this.#draw();
  }

  get last() {
    return this.#samples.at(-1);
  }

  #draw() {
    const top = Math.max(LEAST_SPAN_MS, ...this.#samples);
    const step = WIDTH / (KEPT - 1);
    const points = this.#samples.map((ms, index) => {
      const y = HEIGHT - MARGIN - (ms / top) * (HEIGHT - 2 * MARGIN);
      return `${(index * step).toFixed(1)},${y.toFixed(1)}`;
    });
    // A single sample would be an invisible point.
    if (points.length === 1) points.push(points[0].replace(/^[^,]+/, step.toFixed(1)));
    this.#line.setAttribute("points", points.join(" "));
    this.#svg.setAttribute("aria-label", this.#summary());
  }

  #summary() {
    const sorted = [...this.#samples].sort((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)];
    return `The last ${sorted.length} round trips: ${inMs(sorted[0])} to ${inMs(sorted.at(-1))}, median ${inMs(median)}`;
  }
}

export function inMs(ms) {
  if (ms < 1) return "< 1 ms";
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}
