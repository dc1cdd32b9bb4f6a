/** Sizes of a terminal as a client sends them: `{"Width":80,"Height":24}`. Only the latest is kept for the reader. */
export interface TerminalSize {
  width: number;
  height: number;
}

const MAX_SIDE = 0xffff;

export class ResizeQueue implements AsyncIterable<TerminalSize> {
  #latest: TerminalSize | undefined;
  #isEnded = false;
  #wake: () => void = () => undefined;

  /** What is no size is ignored. */
  push(text: string): void {
    const size = parseSize(text);
    if (size === undefined) return;
    this.#latest = size;
    this.#wake();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TerminalSize> {
    for (;;) {
      const size = this.#latest;
      this.#latest = undefined;
      if (size !== undefined) yield size;
      else if (this.#isEnded) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }
}

function parseSize(text: string): TerminalSize | undefined {
  try {
    const { Width: width, Height: height } = JSON.parse(text) as { Width?: unknown; Height?: unknown };
    const isSide = (value: unknown): value is number => typeof value === 'number' && value > 0 && value <= MAX_SIDE;
    return isSide(width) && isSide(height) ? { width, height } : undefined;
  } catch {
    return undefined;
  }
}
