// Counts the numbers that a page receives, over all its lives: 1, 2, 3 and so on, each once and in order.
//
// A number may be left out only where the application was told so (`missed`), and only if the state that it read after
// that contains the number (`stateRead`). Whatever else is missing is lost.

const LISTED = 1_000;

export class Tally {
  /** The highest number received. */
  last = 0;
  received = 0;
  /** Numbers that were not received, but were in the state that was read. */
  covered = 0;
  /** Ranges `[from, to]`. */
  lost = [];
  twice = [];
  outOfOrder = [];
  /** Places where the application was told that it missed something: `{ after, first?, state? }`. */
  gaps = [];

  /** Goes on where another tally was. */
  constructor(saved) {
    Object.assign(this, saved);
  }

  take(number) {
    if (number <= this.last) return this.#old(number);
    const gap = this.gaps.at(-1);
    if (gap && gap.first === undefined) {
      gap.first = number;
      this.#settle(gap);
    } else if (number > this.last + 1) {
      this.lost.push([this.last + 1, number - 1]);
    }
    this.last = number;
    this.received += 1;
  }

  /** The application is told that it missed something. Answers what `stateRead` wants. */
  missed() {
    const gap = this.gaps.at(-1);
    if (gap && gap.first === undefined) delete gap.state;
    else this.gaps.push({ after: this.last });
    return this.gaps.length;
  }

  /** State was read, which was asked for after `missed` answered `gaps`, and which contains all up to `sent`. */
  stateRead(gaps, sent) {
    for (const gap of this.gaps.slice(0, gaps)) {
      if (gap.state !== undefined) continue;
      gap.state = sent;
      this.#settle(gap);
    }
  }

  /** Whether all up to `sent` is accounted for. */
  reaches(sent) {
    return this.gaps.every((gap) => gap.state !== undefined) && Math.max(this.last, this.#stateAtEnd()) >= sent;
  }

  /** What is wrong, if numbers up to `sent` were sent. */
  report(sent) {
    const { last, received, covered, twice, outOfOrder } = this;
    const lost = [...this.lost];
    for (const { after, first, state } of this.gaps)
      if (first !== undefined && first > after + 1 && state === undefined) lost.push([after + 1, first - 1]);
    const end = Math.max(last, this.#stateAtEnd());
    if (end < sent) lost.push([end + 1, sent]);
    const count = lost.reduce((sum, [from, to]) => sum + to - from + 1, 0);
    return { last, received, covered, lost: { count, ranges: lost.slice(0, LISTED) }, twice, outOfOrder };
  }

  #old(number) {
    const within = (from, to) => number >= from && number <= to;
    const wasLeftOut =
      this.lost.some(([from, to]) => within(from, to)) ||
      this.gaps.some(({ after, first }) => first !== undefined && within(after + 1, first - 1));
    (wasLeftOut ? this.outOfOrder : this.twice).push(number);
  }

  #settle({ after, first, state }) {
    if (first === undefined || state === undefined) return;
    const coveredTo = Math.min(first - 1, state);
    this.covered += Math.max(0, coveredTo - after);
    const lostFrom = Math.max(after, coveredTo) + 1;
    if (lostFrom < first) this.lost.push([lostFrom, first - 1]);
  }

  #stateAtEnd() {
    const gap = this.gaps.at(-1);
    return gap?.first === undefined ? (gap?.state ?? 0) : 0;
  }
}
