/** For tests: real certificate requests, each with a key of its own. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import type { JsonGeneralNames } from '@peculiar/x509';
import { Pkcs10CertificateRequestGenerator, SubjectAlternativeNameExtension } from '@peculiar/x509';

export const P256: webcrypto.EcKeyGenParams = { name: 'ECDSA', namedCurve: 'P-256' };

export interface MadeRequest {
  /** Base64 of PEM, as `spec.request` has it. */
  request: string;
  /** PEM. */
  privateKey: string;
}

interface RequestOptions {
  algorithm?: webcrypto.EcKeyGenParams | webcrypto.RsaHashedKeyGenParams;
  /** Alternative names. */
  names?: JsonGeneralNames;
}

/** `name` is a subject such as `CN=jane, O=staff`. */
export async function makeRequest(
  name: string,
  { algorithm = P256, names }: RequestOptions = {},
): Promise<MadeRequest> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const signingAlgorithm = 'namedCurve' in algorithm ? { name: 'ECDSA', hash: 'SHA-256' } : algorithm;
  const extensions = names === undefined ? [] : [new SubjectAlternativeNameExtension(names)];
  const made = await Pkcs10CertificateRequestGenerator.create(
    { name, keys: keys as never, signingAlgorithm, extensions },
    webcrypto as never,
  );
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return {
    request: Buffer.from(made.toString('pem')).toString('base64'),
    privateKey: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`,
  };
}

/** Where nobody needs the key. */
export async function requestFor(name: string, options?: RequestOptions): Promise<string> {
  return (await makeRequest(name, options)).request;
}
