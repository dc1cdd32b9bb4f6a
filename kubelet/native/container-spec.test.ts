import { describe, expect, it } from '@jest/globals';
import { argvOf, capabilitiesOf, environmentOf } from './container-spec.ts';

describe('environmentOf()', () => {
  it('has what every container has', () => {
    expect(environmentOf({ envs: [], tty: false }, {}, 'web-1')).toEqual([
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'HOSTNAME=web-1',
    ]);
    expect(environmentOf({ envs: [], tty: true }, {}, 'web-1')).toContain('TERM=xterm');
  });

  it("puts the image's variables over that, and the pod's over both", () => {
    const image = { Env: ['PATH=/image', 'A=image', 'HOSTNAME=image', '=x', 'nothing'] };
    expect(environmentOf({ envs: [{ key: 'A', value: 'pod=1' }], tty: false }, image, 'web-1')).toEqual([
      'PATH=/image',
      'HOSTNAME=image',
      'A=pod=1',
    ]);
  });
});

describe('argvOf()', () => {
  const image = { Entrypoint: ['ping'], Cmd: ['-c', '1'] };
  it.each([
    [[], [], ['ping', '-c', '1']],
    [[], ['host'], ['ping', 'host']],
    [['echo'], [], ['echo']],
    [['echo'], ['hi'], ['echo', 'hi']],
  ])('command %j and args %j', (command, args, expected) => {
    expect(argvOf({ command, args }, image)).toEqual(expected);
  });
});

describe('capabilitiesOf()', () => {
  const of = (dropCapabilities: string[], addCapabilities: string[], privileged = false) =>
    capabilitiesOf({ addCapabilities, dropCapabilities, privileged } as never);
  it('drops first, then adds', () => {
    expect(of(['ALL'], ['NET_ADMIN'])).toEqual(['NET_ADMIN']);
    expect(of(['CHOWN'], [])).not.toContain('CHOWN');
    expect(of(['ALL'], ['CAP_CHOWN'])).toEqual(['CHOWN']);
    expect(of([], [], true)).toEqual(['ALL']);
  });
});
