/** The log of a running cluster: JSON lines in `<data folder>/log/nocher.log`, with `--verbose` on standard error too. */
import { pino } from 'pino';
import type { Logger } from '../base/log.ts';

const WRITE_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

export function createLogger({ path, verbose }: { path: string; verbose: boolean }): Logger & { flush(): void } {
  const destination = pino.destination({ dest: path, mkdir: true, sync: true, minLength: 4096 });
  const streams = pino.multistream([
    { level: 'debug', stream: destination },
    ...(verbose ? [{ level: 'debug' as const, stream: process.stderr }] : []),
  ]);
  const root = pino(
    { level: verbose ? 'debug' : 'info', base: null, timestamp: pino.stdTimeFunctions.isoTime },
    streams,
  );
  const timer = setInterval(() => destination.flush(), 1000);
  timer.unref();
  return {
    ...wrap(root),
    flush: () => {
      try {
        destination.flushSync();
      } catch {
        // The destination was never ready: nothing was logged.
      }
    },
  };
}

function wrap(logger: pino.Logger): Logger {
  const wrapped = Object.fromEntries(
    WRITE_LEVELS.map((level) => [
      level,
      (message: string, fields?: Record<string, unknown>) => logger[level](fields ?? {}, message),
    ]),
  ) as Pick<Logger, (typeof WRITE_LEVELS)[number]>;
  return { ...wrapped, child: (fields) => wrap(logger.child(fields)) };
}
