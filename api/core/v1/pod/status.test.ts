import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { formatFieldError } from '../../../machinery/field-error.ts';
import { defaultPod } from './defaults.ts';
import { prepareForStatusUpdate, validatePodStatusUpdate } from './status.ts';
import type { Pod, PodStatus } from './types.ts';

function podOf(spec: string, status: string): Pod {
  const pod = { metadata: { name: 'web' }, spec: parse(spec) as unknown, status: parse(status) as unknown } as Pod;
  defaultPod(pod);
  return pod;
}

const SPEC = 'containers: [{ name: a, image: a:1 }]';

function update(before: string, after: string, spec = SPEC): { next: Pod; errors: string[] } {
  const previous = podOf(spec, before);
  const next = podOf(spec, after);
  prepareForStatusUpdate(next, previous);
  return { next, errors: validatePodStatusUpdate(next, previous).map(formatFieldError) };
}

describe('prepareForStatusUpdate()', () => {
  it('keeps the spec and the QoS class', () => {
    const previous = podOf(SPEC, '{ qosClass: BestEffort, phase: Pending }');
    const next = podOf('containers: [{ name: b, image: b }]', 'phase: Running');
    prepareForStatusUpdate(next, previous);
    expect(next.spec).toBe(previous.spec);
    expect(next.status).toEqual({ phase: 'Running', qosClass: 'BestEffort' });
  });

  it('does not forget generations that were observed', () => {
    const conditions = '[{ type: Ready, status: "True", observedGeneration: 3 }]';
    const { next } = update(
      `{ observedGeneration: 3, conditions: ${conditions} }`,
      'conditions: [{ type: Ready, status: "False" }]',
    );
    const expected: PodStatus = {
      observedGeneration: 3,
      conditions: [{ type: 'Ready', status: 'False', observedGeneration: 3 }],
    };
    expect(next.status).toEqual(expected);
  });
});

describe('validatePodStatusUpdate()', () => {
  const ended = (exitCode: number): string =>
    `containerStatuses: [{ name: a, state: { terminated: { exitCode: ${exitCode} } } }]`;
  const runs = 'containerStatuses: [{ name: a, state: { running: {} } }]';
  const refused = ['status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state'];
  const rules =
    'restartPolicy: Never, restartPolicyRules: [{ action: Restart, exitCodes: { operator: In, values: [1] } }]';

  it.each([
    ['Always', 0, []],
    ['OnFailure', 1, []],
    ['OnFailure', 0, refused],
    ['Never', 1, refused],
  ])('with restartPolicy %s, a container that ended with %d', (policy, exitCode, expected) => {
    expect(update(ended(exitCode), runs, `{ restartPolicy: ${policy}, ${SPEC} }`).errors).toEqual(expected);
  });

  it("goes by the container's own restart policy", () => {
    const own = `{ restartPolicy: Never, containers: [{ name: a, image: a, restartPolicy: Always }] }`;
    expect(update(ended(0), runs, own).errors).toEqual([]);
    expect(
      update(ended(1), runs, `{ restartPolicy: Never, containers: [{ name: a, image: a, ${rules} }] }`).errors,
    ).toEqual([]);
  });

  it.each([
    [
      '{ podIPs: [{ ip: nope }] }',
      ['status.podIPs[0]: Invalid value: "nope": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ],
    [
      '{ podIPs: [{ ip: 10.0.0.1 }, { ip: 10.0.0.2 }] }',
      [expect.stringMatching(/^status.podIPs: Invalid value: .*may specify no more than one IP for each IP family$/)],
    ],
    ['{ podIPs: [{ ip: 10.0.0.1 }, { ip: "fd00::1" }] }', []],
    [
      '{ hostIP: 10.0.0.1, hostIPs: [{ ip: 10.0.0.2 }] }',
      ['status.hostIPs[0].ip: Invalid value: "10.0.0.2": must be equal to `hostIP`'],
    ],
    [
      '{ conditions: [{ type: "a b", status: "True" }, { type: Ready, status: "True" }] }',
      [expect.stringMatching(/^metadata.conditions\[0\].Type: Invalid value: "a b"/)],
    ],
    ['{ nominatedNodeName: A_B }', [expect.stringMatching(/^status.nominatedNodeName: Invalid value: "A_B"/)]],
    ['{ qosClass: Guaranteed }', ['status.qosClass: Invalid value: "Guaranteed": field is immutable']],
    [
      '{ resourceClaimStatuses: [{ name: gpu }] }',
      [
        'status.resourceClaimStatuses[0].name: Invalid value: "gpu": must match the name of an entry in `spec.resourceClaims`',
      ],
    ],
    [
      '{ containerStatuses: [{ name: a, user: { linux: { uid: -1, gid: 0 } } }] }',
      ['status.containerStatuses[0].linux.uid: Invalid value: -1: must be between 0 and 4294967295, inclusive'],
    ],
  ])('%s', (status, expected) => {
    expect(update('qosClass: BestEffort', status).errors).toEqual(expected);
  });
});
