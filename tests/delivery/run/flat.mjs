// Whether a row of measurements has stopped growing.

/** The first part of a row is warm-up: caches fill, code is compiled, buffers find their size. */
const WARM_UP = 0.25;

/** `{ holds, from, to, growth }`: the median of the last quarter after the warm-up against the first. */
export function flat(values, tolerance) {
  const warm = values.slice(Math.ceil(values.length * WARM_UP));
  const quarter = Math.max(1, Math.floor(warm.length / 4));
  const from = median(warm.slice(0, quarter));
  const to = median(warm.slice(-quarter));
  return { holds: warm.length >= 2 && to - from <= tolerance, from, to, growth: to - from };
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
