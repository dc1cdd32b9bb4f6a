/** How long the event loop stood still: what every request, watch and probe of this process has waited for. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How often the loop is looked at; shorter stalls are not seen. */
const RESOLUTION_MS = 10;

export interface EventLoopMonitor {
  /** The longest stall since the last call, in milliseconds. */
  takeLongestStallMs(): number;
  stop(): void;
}

export function monitorEventLoop(): EventLoopMonitor {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  return {
    takeLongestStallMs() {
      // What is measured is the time between two looks.
      const longestMs = delays.max / 1e6 - RESOLUTION_MS;
      delays.reset();
      return Math.max(0, longestMs);
    },
    stop: () => void delays.disable(),
  };
}
