/**
 * Passes questions on to the host's resolvers, message for message: what they answer is not taken apart. Each question
 * gets a socket of its own, so that its port is as hard to guess as its id.
 */
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { connect, isIP } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';

export interface Upstream {
  ip: string;
  port: number;
}

export interface Forwarder {
  /** The answer with the question's own id; undefined when no resolver gave one. `question` is an encoded message. */
  forward(question: Buffer, transport: 'udp' | 'tcp'): Promise<Buffer | undefined>;
}

export interface ForwarderOptions {
  /** Asked for each question, so that a change of the host's network is noticed. */
  upstreams(): readonly Upstream[];
  clock: Clock;
  random: Random;
  /** For each resolver. Default 2 s: clients ask again after 5 s. */
  timeoutMs?: number;
}

/** Resolvers that are asked, one after the other. */
const MAX_UPSTREAMS = 2;
const MAX_IN_FLIGHT = 1000;
const MAX_MESSAGE_BYTES = 65_535;

export function createForwarder({ upstreams, clock, random, timeoutMs = 2000 }: ForwarderOptions): Forwarder {
  let inFlight = 0;
  const ask = async (question: Buffer, transport: 'udp' | 'tcp'): Promise<Buffer | undefined> => {
    const originalId = question.readUInt16BE(0);
    for (const upstream of upstreams().slice(0, MAX_UPSTREAMS)) {
      const query = Buffer.from(question);
      query.set(random.bytes(2), 0);
      const exchange = transport === 'udp' ? exchangeUdp : exchangeTcp;
      const answer = await exchange({ query, upstream, clock, timeoutMs }).catch(() => undefined);
      if (answer === undefined) continue;
      answer.writeUInt16BE(originalId, 0);
      return answer;
    }
    return undefined;
  };
  return {
    async forward(question, transport) {
      if (inFlight >= MAX_IN_FLIGHT) return undefined;
      inFlight++;
      try {
        return await ask(question, transport);
      } finally {
        inFlight--;
      }
    },
  };
}

interface Exchange {
  query: Buffer;
  upstream: Upstream;
  clock: Clock;
  timeoutMs: number;
}

/** Whether a message answers the query: same id, marked as an answer, same question. */
function isAnswerTo(query: Buffer, answer: Buffer): boolean {
  if (answer.length < 12 || answer.readUInt16BE(0) !== query.readUInt16BE(0) || (answer[2]! & 0x80) === 0) return false;
  if (answer.readUInt16BE(4) === 0) return true;
  const question = questionOf(query);
  return questionOf(answer) === question && question !== '';
}

/** The first question's bytes, in lower case: resolvers may write the name as they like. */
function questionOf(message: Buffer): string {
  let offset = 12;
  while (offset < message.length && message[offset] !== 0) offset += message[offset]! + 1;
  return offset + 5 > message.length ? '' : message.toString('latin1', 12, offset + 5).toLowerCase();
}

function exchangeUdp({ query, upstream, clock, timeoutMs }: Exchange): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIP(upstream.ip) === 6 ? 'udp6' : 'udp4');
    const finish = (settle: () => void): void => {
      cancel();
      socket.removeAllListeners();
      socket.on('error', () => undefined);
      socket.close();
      settle();
    };
    const cancel = clock.setTimeout(() => finish(() => reject(new Error('no answer in time'))), timeoutMs);
    socket.on('error', (error) => finish(() => reject(error)));
    socket.on('message', (message) => {
      if (isAnswerTo(query, message)) finish(() => resolve(message));
    });
    // Connected: the kernel drops what others send, and tells when nobody listens.
    // No route to the resolver: the callback comes with an error, and the socket has no peer.
    socket.connect(upstream.port, upstream.ip, (error?: Error) =>
      error === undefined || error === null ? socket.send(query) : finish(() => reject(error)),
    );
  });
}

function exchangeTcp({ query, upstream, clock, timeoutMs }: Exchange): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect(upstream.port, upstream.ip);
    const finish = (settle: () => void): void => {
      cancel();
      socket.destroy();
      settle();
    };
    const cancel = clock.setTimeout(() => finish(() => reject(new Error('no answer in time'))), timeoutMs);
    let received = Buffer.alloc(0);
    socket.on('error', (error) => finish(() => reject(error)));
    socket.on('close', () => finish(() => reject(new Error('the resolver hung up'))));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      const message = Buffer.from(received.subarray(2, 2 + received.readUInt16BE(0)));
      finish(() => (isAnswerTo(query, message) ? resolve(message) : reject(new Error('not an answer'))));
    });
    socket.write(frame(query));
  });
}

/** A message with its length before it, as TCP carries them. */
export function frame(message: Buffer): Buffer {
  if (message.length > MAX_MESSAGE_BYTES) throw new Error('the message is too long');
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

/** The resolvers of a resolv.conf, but for our own addresses: a question must not come back to us. */
export function parseResolvers(text: string, ownAddresses: readonly string[]): Upstream[] {
  return text.split('\n').flatMap((line) => {
    const [keyword, ip = ''] = line.trim().split(/\s+/);
    return keyword === 'nameserver' && isIP(ip) !== 0 && !ownAddresses.includes(ip) ? [{ ip, port: 53 }] : [];
  });
}

export interface ResolverFile {
  path: string;
  ownAddresses: readonly string[];
  clock: Clock;
}

const REREAD_MS = 5000;

/** Follows a resolv.conf; without a readable one there are no resolvers. */
export function resolversOf({ path, ownAddresses, clock }: ResolverFile): () => readonly Upstream[] {
  let resolvers: readonly Upstream[] = [];
  let readAtMs = -Infinity;
  return () => {
    if (clock.monotonicMs() - readAtMs < REREAD_MS) return resolvers;
    readAtMs = clock.monotonicMs();
    try {
      resolvers = parseResolvers(readFileSync(path, 'utf8'), ownAddresses);
    } catch {
      resolvers = [];
    }
    return resolvers;
  };
}
