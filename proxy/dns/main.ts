/**
 * The process that serves cluster DNS. Its one argument is its configuration as JSON (`DnsConfig`); a line of JSON on
 * standard output says when it listens (`{"event":"listening","addresses":[…]}`) and when it knows the cluster
 * (`{"event":"synced"}`). Logs are lines of JSON on standard error. It ends when its standard input does: with its
 * parent.
 */
import { readFileSync } from 'node:fs';
import { formatTime, realClock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { realRandom } from '../../base/random.ts';
import { httpClient } from '../../client/http.ts';
import { createInformerFactory } from '../../client/informer-factory.ts';
import { startClusterDns } from './dns.ts';
import { resolversOf } from './forwarder.ts';
import type { Upstream } from './forwarder.ts';
import type { DnsAddress } from './server.ts';

export interface DnsConfig {
  /** `https://10.244.0.1:6443` */
  server: string;
  /** PEM files. The key never appears in arguments. */
  caFile: string;
  certFile: string;
  keyFile: string;
  domain: string;
  listen: readonly DnsAddress[];
  /** Addresses that lead back here, such as the Service's: never asked as resolvers. */
  ownAddresses: readonly string[];
  /** Default: those of `/etc/resolv.conf`, followed as they change. */
  upstreams?: readonly Upstream[];
}

async function main(config: DnsConfig): Promise<void> {
  const stopping = new AbortController();
  const log = jsonLogger({ component: 'dns' });
  const client = httpClient({
    server: config.server,
    ca: readFileSync(config.caFile),
    cert: readFileSync(config.certFile),
    key: readFileSync(config.keyFile),
    userAgent: 'nocher/dns',
  });
  const informers = createInformerFactory(client, { clock: realClock, log });
  const ownAddresses = [...config.ownAddresses, ...config.listen.map(({ ip }) => ip)];
  const { upstreams } = config;
  const dns = await startClusterDns({
    informers,
    domain: config.domain,
    listen: config.listen,
    upstreams:
      upstreams === undefined
        ? resolversOf({ path: '/etc/resolv.conf', ownAddresses, clock: realClock })
        : () => upstreams,
    clock: realClock,
    random: realRandom,
    log,
  });
  informers.start(stopping.signal);
  report({ event: 'listening', addresses: dns.addresses });
  void dns.synced.then(() => report({ event: 'synced' }));
  await new Promise<void>((resolve) => {
    process.stdin
      .resume()
      .once('close', resolve)
      .once('end', resolve)
      .once('error', () => resolve());
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  stopping.abort();
  await dns.close();
  client.close();
}

function report(event: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

function jsonLogger(bound: Record<string, unknown>): Logger {
  const write = (level: string, message: string, fields: Record<string, unknown> = {}): void => {
    process.stderr.write(
      `${JSON.stringify({ level, time: formatTime(realClock.now()), msg: message, ...bound, ...fields })}\n`,
    );
  };
  return {
    debug: () => undefined,
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => write('warn', message, fields),
    error: (message, fields) => write('error', message, fields),
    child: (fields) => jsonLogger({ ...bound, ...fields }),
  };
}

// A parent that is gone must not make the last words fatal.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

main(JSON.parse(process.argv[2] ?? '{}') as DnsConfig).then(
  () => process.exit(0),
  (error: unknown) => {
    report({ event: 'failed', error: error instanceof Error ? error.message : String(error) });
    process.exit(1);
  },
);
