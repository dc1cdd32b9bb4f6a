// Keys that wait to be worked on: each once, however often it is added, and none twice at a time. A key whose work fails
// comes again, each time later.
const FIRST_RETRY_MS = 200;
const LAST_RETRY_MS = 30_000;

export class WorkQueue {
  #work;
  #waiting = new Set();
  #failures = new Map();
  #timers = new Set();
  #isRunning = false;
  #isStopped = false;
  #idle = Promise.resolve();

  /** `work` is called with a key; when it rejects, the key is retried. */
  constructor(work) {
    this.#work = work;
  }

  add(key) {
    if (this.#isStopped) return;
    this.#waiting.add(key);
    if (!this.#isRunning) this.#idle = this.#drain();
  }

  /** Resolves when nothing is being worked on any more. */
  async stop() {
    this.#isStopped = true;
    this.#waiting.clear();
    for (const timer of this.#timers) clearTimeout(timer);
    await this.#idle;
  }

  async #drain() {
    this.#isRunning = true;
    for (const key of this.#waiting) {
      this.#waiting.delete(key);
      try {
        await this.#work(key);
        this.#failures.delete(key);
      } catch (error) {
        this.#retry(key, error);
      }
    }
    this.#isRunning = false;
  }

  #retry(key, error) {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const delayMs = Math.min(FIRST_RETRY_MS * 2 ** failures, LAST_RETRY_MS);
    console.error(`${key}: ${error.message}; again in ${delayMs} ms`);
    if (this.#isStopped) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.add(key);
    }, delayMs);
    this.#timers.add(timer);
  }
}
