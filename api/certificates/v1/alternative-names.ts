/** The alternative names that a certificate request asks for (Go `crypto/x509`, `parseCSRExtensions`, `parseSANExtension`). */
import { objectId, OCTET_STRING, readAll, readDer, SEQUENCE } from './der.ts';
import type { DerValue } from './der.ts';

export interface AlternativeNames {
  dnsNames: readonly string[];
  emailAddresses: readonly string[];
  /** IPv4 with dots, IPv6 as eight groups. */
  ipAddresses: readonly string[];
  uris: readonly string[];
}

const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';
const MALFORMED = 'x509: invalid subject alternative names';

/** Kinds of GeneralName by their tag; those that are not here are left out, as Go does. */
const KINDS: Readonly<Record<number, { list: keyof AlternativeNames; name: string }>> = {
  0x81: { list: 'emailAddresses', name: 'rfc822Name' },
  0x82: { list: 'dnsNames', name: 'dNSName' },
  0x86: { list: 'uris', name: 'uniformResourceIdentifier' },
};
const IP_ADDRESS = 0x87;

/** Throws an error with Go's message for names that are malformed. */
export function alternativeNamesOf(attributes: DerValue | undefined): AlternativeNames {
  const names: Record<keyof AlternativeNames, string[]> = {
    dnsNames: [],
    emailAddresses: [],
    ipAddresses: [],
    uris: [],
  };
  const wanted = requestedExtensions(attributes).filter(([id]) => objectId(id) === SUBJECT_ALTERNATIVE_NAME);
  if (wanted.length > 1) throw new Error('x509: certificate request contains duplicate requested extensions');
  for (const parts of wanted) {
    for (const name of generalNames(parts.at(-1))) {
      const kind = KINDS[name.tag];
      if (kind !== undefined) names[kind.list].push(asciiOf(name.content, kind.name));
      else if (name.tag === IP_ADDRESS) names.ipAddresses.push(addressOf(name.content));
    }
  }
  return names;
}

/** Each as its identifier, whether it is critical if it says so, and its value. */
function requestedExtensions(attributes: DerValue | undefined): DerValue[][] {
  return (readAll(attributes?.content ?? new Uint8Array()) ?? []).flatMap((attribute) => {
    const [id, values] = readAll(attribute.content) ?? [];
    if (objectId(id) !== EXTENSION_REQUEST || values === undefined) return [];
    const extensions = readDer(values.content);
    return (readAll(extensions?.content ?? new Uint8Array()) ?? []).map(({ content }) => readAll(content) ?? []);
  });
}

function generalNames(value: DerValue | undefined): DerValue[] {
  const sequence = value?.tag === OCTET_STRING ? readDer(value.content) : undefined;
  const names = sequence?.tag === SEQUENCE ? readAll(sequence.content) : undefined;
  if (names === undefined) throw new Error(MALFORMED);
  return names;
}

function asciiOf(bytes: Uint8Array, kind: string): string {
  if (bytes.some((byte) => byte >= 0x80)) throw new Error(`x509: SAN ${kind} is malformed`);
  return Buffer.from(bytes).toString('latin1');
}

function addressOf(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) throw new Error(`x509: cannot parse IP address of length ${bytes.length}`);
  const groups = Buffer.from(bytes).toString('hex').match(/.{4}/g)!;
  return groups.map((group) => parseInt(group, 16).toString(16)).join(':');
}
