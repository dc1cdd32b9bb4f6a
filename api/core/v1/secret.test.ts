import { describe, expect, it } from '@jest/globals';
import { formatFieldError } from '../../machinery/field-error.ts';
import { secrets } from './secret.ts';
import type { Secret } from './secret.ts';

const { strategy } = secrets;
const base64 = (text: string): string => Buffer.from(text).toString('base64');

function decoded(content: Partial<Secret>): Secret {
  const secret: Secret = { metadata: { name: 'a', namespace: 'd' }, ...content };
  strategy.default!(secret);
  return secret;
}

const errorsOf = (content: Partial<Secret>): string[] => strategy.validate!(decoded(content)).map(formatFieldError);

describe('default()', () => {
  it('merges stringData over data and forgets it', () => {
    expect(decoded({ data: { a: base64('1'), b: base64('2') }, stringData: { b: 'ü', c: '' } })).toEqual({
      metadata: { name: 'a', namespace: 'd' },
      type: 'Opaque',
      data: { a: base64('1'), b: base64('ü'), c: '' },
    });
  });

  it('takes hostile keys as plain ones', () => {
    const secret = decoded({ stringData: JSON.parse('{"__proto__": "x"}') as Record<string, string> });
    expect(Object.keys(secret.data!)).toEqual(['__proto__']);
  });
});

describe('validate()', () => {
  it.each([
    ['kubernetes.io/tls', { 'tls.crt': '' }, ['data[tls.key]: Required value']],
    ['kubernetes.io/tls', { 'tls.crt': '', 'tls.key': '' }, []],
    ['kubernetes.io/basic-auth', {}, ['data[username]: Required value', 'data[password]: Required value']],
    ['kubernetes.io/basic-auth', { password: '' }, []],
    ['kubernetes.io/ssh-auth', { 'ssh-privatekey': '' }, ['data[ssh-privatekey]: Required value']],
    ['kubernetes.io/dockerconfigjson', {}, ['data[.dockerconfigjson]: Required value']],
    ['kubernetes.io/dockerconfigjson', { '.dockerconfigjson': base64('{"auths":{}}') }, []],
    [
      'kubernetes.io/dockercfg',
      { '.dockercfg': '' },
      ['data[.dockercfg]: Invalid value: "<secret contents redacted>": unexpected end of JSON input'],
    ],
    [
      'kubernetes.io/service-account-token',
      {},
      ['metadata.annotations[kubernetes.io/service-account.name]: Required value'],
    ],
    ['example.com/mine', {}, []],
  ])('%s with %j', (type, data, errors) => {
    expect(errorsOf({ type, data: data as Record<string, string> })).toEqual(errors);
  });

  it('never repeats a value', () => {
    const errors = errorsOf({
      type: 'kubernetes.io/dockercfg',
      data: { '.dockercfg': base64('hunter2'), x: 'hunter2!' },
    });
    expect(errors).toHaveLength(2);
    expect(errors.join()).not.toContain('hunter2');
  });

  it('holds 1 MiB', () => {
    expect(errorsOf({ data: { a: Buffer.alloc(1048577).toString('base64') } })).toEqual([
      'data: Too long: may not be more than 1048576 bytes',
    ]);
  });
});

describe('validateUpdate()', () => {
  it('keeps the type, and everything once immutable', () => {
    const previous = decoded({ type: 'a/b', immutable: true, data: { x: '' } });
    expect(strategy.validateUpdate!(decoded({ data: {} }), previous).map(formatFieldError)).toEqual([
      'type: Invalid value: "Opaque": field is immutable',
      'immutable: Forbidden: field is immutable when `immutable` is set',
      'data: Forbidden: field is immutable when `immutable` is set',
    ]);
  });
});
