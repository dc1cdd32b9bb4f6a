/** A request's usages as a certificate has them (upstream `pkg/controller/certificates/authority/policies.go`). */
import type { KeyUsage } from '../../base/pki-requests.ts';

const KEY_USAGES: Readonly<Record<string, KeyUsage>> = {
  signing: 'digitalSignature',
  'digital signature': 'digitalSignature',
  'content commitment': 'nonRepudiation',
  'key encipherment': 'keyEncipherment',
  'key agreement': 'keyAgreement',
  'data encipherment': 'dataEncipherment',
  'cert sign': 'keyCertSign',
  'crl sign': 'cRLSign',
  'encipher only': 'encipherOnly',
  'decipher only': 'decipherOnly',
};

/** In the order in which Go writes them. */
const EXTENDED_KEY_USAGES: Readonly<Record<string, string>> = {
  any: '2.5.29.37.0',
  'server auth': '1.3.6.1.5.5.7.3.1',
  'client auth': '1.3.6.1.5.5.7.3.2',
  'code signing': '1.3.6.1.5.5.7.3.3',
  'email protection': '1.3.6.1.5.5.7.3.4',
  's/mime': '1.3.6.1.5.5.7.3.4',
  'ipsec end system': '1.3.6.1.5.5.7.3.5',
  'ipsec tunnel': '1.3.6.1.5.5.7.3.6',
  'ipsec user': '1.3.6.1.5.5.7.3.7',
  timestamping: '1.3.6.1.5.5.7.3.8',
  'ocsp signing': '1.3.6.1.5.5.7.3.9',
  'microsoft sgc': '1.3.6.1.4.1.311.10.3.3',
  'netscape sgc': '2.16.840.1.113730.4.1',
};

export interface CertificateUsages {
  keyUsages: KeyUsage[];
  /** Object identifiers. */
  extendedKeyUsages: string[];
}

/** Throws for one that is not known. */
export function certificateUsages(usages: readonly string[]): CertificateUsages {
  const isKnown = (usage: string): boolean =>
    Object.hasOwn(KEY_USAGES, usage) || Object.hasOwn(EXTENDED_KEY_USAGES, usage);
  const unknown = usages.filter((usage) => !isKnown(usage));
  if (unknown.length > 0)
    throw new Error(`unrecognized usage values: [${unknown.map((usage) => JSON.stringify(usage)).join(' ')}]`);
  const wanted = <T>(table: Readonly<Record<string, T>>): T[] => [
    ...new Set(
      Object.entries(table)
        .filter(([usage]) => usages.includes(usage))
        .map(([, value]) => value),
    ),
  ];
  return { keyUsages: wanted(KEY_USAGES), extendedKeyUsages: wanted(EXTENDED_KEY_USAGES) };
}
