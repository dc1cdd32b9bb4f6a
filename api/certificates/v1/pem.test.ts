import { describe, expect, it } from '@jest/globals';
import { alternativeNamesOf } from './alternative-names.ts';
import { readDer } from './der.ts';
import { readName } from './distinguished-name.ts';
import { certificateEndMs, parseCertificateRequest } from './pem.ts';
import { requestFor } from './testing.ts';

/** One value of DER, shorter than 128 bytes. */
const der = (tag: number, ...parts: readonly (Uint8Array | readonly number[])[]): Buffer => {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([Buffer.from([tag, content.length]), content]);
};
const text = (tag: number, value: string): Buffer => der(tag, Buffer.from(value));
const attribute = (last: number, value: Buffer): Buffer => der(0x31, der(0x30, [0x06, 3, 0x55, 4, last], value));
const name = (...attributes: Buffer[]): ReturnType<typeof readName> => readName(readDer(der(0x30, ...attributes))!);

describe('parseCertificateRequest()', () => {
  it('reads the alternative names that are asked for', async () => {
    const request = await requestFor('CN=x', {
      names: [
        { type: 'dns', value: 'a.example' },
        { type: 'ip', value: '10.0.0.1' },
        { type: 'dns', value: 'b.example' },
        { type: 'ip', value: 'fd00::12' },
        { type: 'email', value: 'x@example.com' },
        { type: 'url', value: 'spiffe://example/x' },
      ],
    });
    expect(parseCertificateRequest(request)).toMatchObject({
      commonName: 'x',
      dnsNames: ['a.example', 'b.example'],
      ipAddresses: ['10.0.0.1', 'fd00:0:0:0:0:0:0:12'],
      emailAddresses: ['x@example.com'],
      uris: ['spiffe://example/x'],
      signatureProblem: '',
    });
    expect(parseCertificateRequest(await requestFor('CN=x'))).toMatchObject({ dnsNames: [], ipAddresses: [] });
  });
});

describe('readName()', () => {
  it('has the attributes that Go knows, in its order, and the last of the common names', () => {
    const read = name(
      attribute(3, text(0x0c, 'first')),
      attribute(10, text(0x13, 'one')),
      attribute(42, text(0x0c, 'given name')),
      attribute(3, text(0x0c, 'last')),
      attribute(10, text(0x0c, 'two')),
      attribute(6, text(0x13, 'DE')),
    );
    expect(read.map(({ value }) => value)).toEqual(['DE', 'one', 'two', 'last']);
  });

  it('reads two-byte characters, and leaves out what is no string', () => {
    const wide = der(0x1e, Buffer.from('system:masters', 'utf16le').swap16());
    expect(name(attribute(10, wide), attribute(10, der(0x04, [65])))).toEqual([
      { type: '2.5.4.10', value: 'system:masters' },
    ]);
  });
});

describe('alternativeNamesOf()', () => {
  const extensionRequest = [0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14];
  const extension = (value: Buffer): Buffer => der(0x30, [0x06, 3, 0x55, 29, 17], der(0x04, value));
  const asking = (...extensions: Buffer[]): ReturnType<typeof readDer> =>
    readDer(der(0xa0, der(0x30, extensionRequest, der(0x31, der(0x30, ...extensions)))));

  it.each([
    ['x509: SAN dNSName is malformed', der(0x82, [0xc3, 0xa9])],
    ['x509: SAN rfc822Name is malformed', der(0x81, [0xff])],
    ['x509: cannot parse IP address of length 3', der(0x87, [1, 2, 3])],
  ])('says %j', (message, bad) => {
    expect(() => alternativeNamesOf(asking(extension(der(0x30, bad))))).toThrow(message);
  });

  it('takes names once, and none that are cut', () => {
    const names = der(0x30, text(0x82, 'a'), der(0xa0, [5, 0]));
    expect(alternativeNamesOf(asking(extension(names))).dnsNames).toEqual(['a']);
    expect(() => alternativeNamesOf(asking(extension(names), extension(names)))).toThrow('duplicate');
    for (let length = 0; length < names.length; length += 1)
      expect(() => alternativeNamesOf(asking(extension(names.subarray(0, length))))).toThrow('x509: invalid');
  });
});

it('reads when a certificate ends, or that there is none', () => {
  expect(certificateEndMs('')).toBe(Infinity);
  expect(
    certificateEndMs(Buffer.from('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----').toString('base64')),
  ).toBe(Infinity);
});
