/** Whoever keeps messages that it has not handled. */
export interface Keeper {
  /** The position of the oldest message that it keeps, or Infinity. */
  readonly oldest_: number;
}

/** How far the application has handled what it was given. */
export class Progress {
  private dispatched_ = 0;
  private told_ = 0;

  constructor(
    private keepers_: Iterable<Keeper>,
    private tell_: (position: number) => void,
  ) {}

  /** Everything up to here was given to the application. */
  reached_(position: number): void {
    this.dispatched_ = position;
  }

  /** Tells the engine, if there is news. */
  report_(): void {
    let handled = this.dispatched_;
    for (const keeper of this.keepers_) handled = Math.min(handled, keeper.oldest_ - 1);
    if (handled > this.told_) this.tell_((this.told_ = handled));
  }
}
