/**
 * From an encoded question to an encoded answer: the cluster's own names from the zone, everything else from the host's
 * resolvers. Never throws for what a client sent.
 */
import { AUTHORITATIVE_ANSWER, RECURSION_AVAILABLE, TRUNCATED_RESPONSE, decode, encode } from 'dns-packet';
import type { Answer as PacketRecord, DecodedPacket, Packet, Question } from 'dns-packet';
import { RECORD_TTL_SECONDS, answerQuestion } from './answer.ts';
import type { Answer, DnsRecord } from './answer.ts';
import type { Forwarder } from './forwarder.ts';
import type { Zone } from './zone.ts';

export interface ResponderOptions {
  /** Undefined until the cluster's objects are known. */
  zone(): Zone | undefined;
  forwarder: Forwarder;
}

export type Respond = (message: Buffer, transport: 'udp' | 'tcp') => Promise<Buffer | undefined>;

const CODES = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;
type Code = keyof typeof CODES;

const OPCODE_MASK = 0x78;
const RECURSION_DESIRED = 1 << 8;
/** Without EDNS0, and what a client may ask for with it. */
const MIN_UDP_BYTES = 512;
const MAX_UDP_BYTES = 4096;
const MAX_TCP_BYTES = 65_535;
const MAX_LABEL_BYTES = 63;
const HEADER_BYTES = 12;
const MAX_FOLLOWS = 8;

interface Reply {
  code: Code;
  answers: readonly PacketRecord[];
  authorities: readonly PacketRecord[];
  additionals: readonly PacketRecord[];
  isOurs: boolean;
}

/** `undefined`: nothing is to be sent back. */
export function createResponder({ zone, forwarder }: ResponderOptions): Respond {
  const resolver = new Resolver(zone, forwarder);
  let turn = 0;
  return async (message, transport) => {
    // Answers are never answered: two servers would go on for ever.
    if (message.length < HEADER_BYTES || (message[2]! & 0x80) !== 0) return undefined;
    if ((message[2]! & OPCODE_MASK) !== 0) return bareReply(message, 'NOTIMP');
    const query = readQuery(message);
    if (query === undefined) return bareReply(message, 'FORMERR');
    const { question } = query;
    if (question.class !== 'IN' && question.class !== 'ANY') return bareReply(message, 'REFUSED');
    if (isTransfer(question)) return bareReply(message, 'REFUSED');
    const reply = await resolver.resolve(question);
    if (reply === 'forward') return (await forwarder.forward(message, transport)) ?? bareReply(message, 'SERVFAIL');
    turn = (turn + 1) % 65_536;
    const maxBytes = transport === 'tcp' ? MAX_TCP_BYTES : query.maxBytes;
    try {
      return encodeReply(query, { ...reply, answers: rotate(reply.answers, turn) }, maxBytes);
    } catch {
      // A name with bytes that are no text.
      return headerOnly(message, 'FORMERR');
    }
  };
}

class Resolver {
  readonly #zone: () => Zone | undefined;
  readonly #forwarder: Forwarder;

  constructor(zone: () => Zone | undefined, forwarder: Forwarder) {
    this.#zone = zone;
    this.#forwarder = forwarder;
  }

  async resolve({ name, type }: Question): Promise<Reply | 'forward'> {
    const zone = this.#zone();
    if (zone === undefined) return failure('SERVFAIL');
    let answer = answerQuestion({ name, type }, zone);
    if (answer.type === 'forward') return 'forward';
    const first = answer;
    const answers: PacketRecord[] = first.answers.map(packetRecord);
    for (let follows = 0; answer.type === 'answer' && answer.follow !== undefined && follows < MAX_FOLLOWS; follows++) {
      const next: Answer = answerQuestion({ name: answer.follow, type }, zone);
      if (next.type === 'forward') answers.push(...(await this.#lookUp(answer.follow, type)));
      else answers.push(...next.answers.map(packetRecord));
      answer = next;
    }
    return {
      code: first.code,
      answers,
      authorities: first.authorities.map(packetRecord),
      additionals: first.additionals.map(packetRecord),
      isOurs: true,
    };
  }

  /** What the host's resolvers say about the name that an ExternalName Service stands for. */
  async #lookUp(name: string, type: Question['type']): Promise<readonly PacketRecord[]> {
    const question = encode({
      type: 'query',
      id: 0,
      flags: RECURSION_DESIRED,
      questions: [{ name, type, class: 'IN' }],
    });
    for (const transport of ['udp', 'tcp'] as const) {
      const message = await this.#forwarder.forward(question, transport);
      const packet = message === undefined ? undefined : tryDecode(message);
      if (packet === undefined) return [];
      if ((packet.flags ?? 0) & TRUNCATED_RESPONSE) continue;
      return (packet.answers ?? []).filter((record) => record.type === type || record.type === 'CNAME');
    }
    return [];
  }
}

interface Query {
  packet: DecodedPacket;
  question: Question;
  hasEdns: boolean;
  maxBytes: number;
}

function readQuery(message: Buffer): Query | undefined {
  const packet = tryDecode(message);
  const [question, ...others] = packet?.questions ?? [];
  if (packet === undefined || question === undefined || others.length > 0) return undefined;
  // Bytes that are no text grow when they are decoded, and would not fit into a label again.
  if (question.name.split('.').some((label) => Buffer.byteLength(label) > MAX_LABEL_BYTES)) return undefined;
  const edns = (packet.additionals ?? []).find((record) => record.type === 'OPT');
  const asked = edns?.type === 'OPT' ? edns.udpPayloadSize : MIN_UDP_BYTES;
  return {
    packet,
    question,
    hasEdns: edns !== undefined,
    maxBytes: Math.min(Math.max(asked, MIN_UDP_BYTES), MAX_UDP_BYTES),
  };
}

function tryDecode(message: Buffer): DecodedPacket | undefined {
  try {
    return decode(message);
  } catch {
    return undefined;
  }
}

function isTransfer({ type }: Question): boolean {
  return type === 'AXFR' || type === 'IXFR';
}

function failure(code: Code): Reply {
  return { code, answers: [], authorities: [], additionals: [], isOurs: false };
}

/** Header and question as they came: for messages that cannot be read, and for failures. */
function bareReply(message: Buffer, code: Code): Buffer {
  const query = readQuery(message);
  try {
    if (query !== undefined) return encodeReply(query, failure(code), MAX_UDP_BYTES);
  } catch {
    // As below.
  }
  return headerOnly(message, code);
}

function headerOnly(message: Buffer, code: Code): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  message.copy(header, 0, 0, 2);
  header[2] = 0x80 | (message[2]! & 0x79);
  header[3] = 0x80 | CODES[code];
  return header;
}

/** What does not fit is left out, and the client is told to come again over TCP. */
function encodeReply({ packet, question, hasEdns }: Query, reply: Reply, maxBytes: number): Buffer {
  const flags =
    ((packet.flags ?? 0) & RECURSION_DESIRED) |
    RECURSION_AVAILABLE |
    (reply.isOurs ? AUTHORITATIVE_ANSWER : 0) |
    CODES[reply.code];
  const edns: PacketRecord[] = hasEdns
    ? [
        {
          type: 'OPT',
          name: '.',
          udpPayloadSize: MAX_UDP_BYTES,
          extendedRcode: 0,
          ednsVersion: 0,
          flags: 0,
          flag_do: false,
          options: [],
        },
      ]
    : [];
  const base: Packet = { type: 'response', id: packet.id ?? 0, flags, questions: [question] };
  const whole = encode({
    ...base,
    answers: [...reply.answers],
    authorities: [...reply.authorities],
    additionals: [...reply.additionals, ...edns],
  });
  if (whole.length <= maxBytes) return whole;
  const truncated = { ...base, flags: flags | TRUNCATED_RESPONSE, additionals: edns };
  for (let count = reply.answers.length; count > 0; count = Math.floor(count / 2)) {
    const fitting = reply.answers.slice(0, count);
    // Without its additionals an answer is whole.
    const message = encode({
      ...(count === reply.answers.length ? { ...base, additionals: edns } : truncated),
      answers: fitting,
    });
    if (message.length <= maxBytes) return message;
  }
  return encode(truncated);
}

function packetRecord(record: DnsRecord): PacketRecord {
  return { ...record, ttl: RECORD_TTL_SECONDS, class: 'IN' } as PacketRecord;
}

/** Addresses take turns at being first, since many clients only look at that; a CNAME stays in front. */
function rotate(records: readonly PacketRecord[], turn: number): readonly PacketRecord[] {
  const isRotating = records.length > 1 && records.every(({ type }) => type === records[0]!.type);
  if (!isRotating) return records;
  const start = turn % records.length;
  return [...records.slice(start), ...records.slice(0, start)];
}
