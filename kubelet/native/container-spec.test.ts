import { describe, expect, it } from '@jest/globals';
import type { ContainerConfig } from '../runtime.ts';
import { argvOf, capabilitiesOf, environmentOf, startCommand } from './container-spec.ts';

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

describe('startCommand()', () => {
  const place = {
    id: 'c1',
    hostname: 'web-1',
    lowerDirs: [],
    upperDir: '/upper',
    workDir: '/work',
    logPath: '/log',
    seccomp: 'Unconfined',
  };
  const start = (config: Partial<ContainerConfig>): Record<string, unknown> => {
    const security = {
      supplementalGroups: [7],
      supplementalGroupsPolicy: 'Strict',
      addCapabilities: [],
      dropCapabilities: [],
    };
    const whole = { command: ['true'], args: [], envs: [], mounts: [], linux: { resources: {}, security }, ...config };
    return startCommand(whole as never, {}, place);
  };

  it('says whose groups the user has', () => {
    expect(start({})['user']).toMatchObject({ supplementalGroups: [7], supplementalGroupsPolicy: 'Strict' });
  });

  const mount = (containerPath: string) =>
    ({ containerPath, hostPath: '/volume', readOnly: false, propagation: 'private' }) as const;
  it.each([
    [
      ['/data/sub', '/data'],
      ['/data', '/data/sub'],
    ],
    [
      ['/etc/hosts', '/dev/termination-log', '/etc', '/dev'],
      ['/etc', '/dev', '/etc/hosts', '/dev/termination-log'],
    ],
    [
      ['//a//b/', '/a/./b/c', '/a/x/../'],
      ['/a/x/../', '//a//b/', '/a/./b/c'],
    ],
  ])('mounts %j as %j', (paths, expected) => {
    const mounts = start({ mounts: paths.map(mount) })['mounts'] as { destination: string }[];
    expect(mounts.map(({ destination }) => destination)).toEqual(expected);
  });
});
