import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { formatFieldError } from '../../../machinery/field-error.ts';
import { defaultPod } from './defaults.ts';
import { ephemeralContainersUpdate, resizeUpdate } from './subresource-updates.ts';
import type { PodSubresourceUpdate } from './subresource-updates.ts';
import type { Pod } from './types.ts';
import { validatePodUpdate } from './update.ts';

function podOf(yaml: string): Pod {
  const pod = parse(yaml) as Pod;
  defaultPod(pod);
  return pod;
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(freeze);
  return value;
}

const WEB = `
metadata: { name: web }
spec:
  nodeName: node-1
  activeDeadlineSeconds: 100
  tolerations: [{ key: a, operator: Exists, effect: NoExecute, tolerationSeconds: 10 }]
  containers: [{ name: a, image: a:1, resources: { requests: { cpu: 100m }, limits: { memory: 1Gi } } }]
`;

function update(change: (pod: Pod) => void, yaml = WEB): string[] {
  const previous = freeze(podOf(yaml));
  const next = structuredClone(previous);
  change(next);
  return validatePodUpdate(next, previous).map(formatFieldError);
}

describe('validatePodUpdate()', () => {
  it.each<[string, (pod: Pod) => void]>([
    ['nothing', () => undefined],
    ['an image', ({ spec }) => (spec.containers[0]!.image = 'a:2')],
    ['a shorter deadline', ({ spec }) => (spec.activeDeadlineSeconds = 50)],
    ['the seconds of a toleration', ({ spec }) => (spec.tolerations![0]!.tolerationSeconds = 20)],
    ['a toleration more', ({ spec }) => spec.tolerations!.push({ operator: 'Exists' })],
    ['labels', ({ metadata }) => (metadata.labels = { a: 'b' })],
  ])('allows %s to change', (_what, change) => {
    expect(update(change)).toEqual([]);
  });

  it('refuses other changes and says which', () => {
    const errors = update(({ spec }) => {
      spec.hostname = 'other';
      spec.containers[0]!.command = ['sh'];
    });
    expect(errors).toEqual([
      'spec: Forbidden: pod updates may not change fields other than ' +
        '`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,' +
        '`spec.tolerations` (only additions to existing tolerations),' +
        '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n' +
        '  spec.containers[0].command:\n-   nil\n+   ["sh"]\n  spec.hostname:\n-   nil\n+   "other"\n',
    ]);
  });

  it.each<[string, (pod: Pod) => void, string]>([
    [
      'resources',
      ({ spec }) => (spec.containers[0]!.resources!.requests!['cpu'] = '200m'),
      'spec.containers[0].resources.requests.cpu',
    ],
    [
      'ephemeral containers',
      ({ spec }) =>
        (spec.ephemeralContainers = [
          { name: 'd', image: 'd', terminationMessagePolicy: 'File', imagePullPolicy: 'Always' },
        ]),
      'spec.ephemeralContainers',
    ],
    ['the grace period', ({ spec }) => (spec.terminationGracePeriodSeconds = 1), 'spec.terminationGracePeriodSeconds'],
  ])('refuses changed %s', (_what, change, path) => {
    const errors = update(change);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(`\n  ${path}:\n`);
  });

  it.each<[string, (pod: Pod) => void, string]>([
    [
      'a container more',
      ({ spec }) => spec.containers.push(structuredClone({ ...spec.containers[0]!, name: 'b' })),
      'spec.containers: Forbidden: pod updates may not add or remove containers',
    ],
    [
      'a longer deadline',
      ({ spec }) => (spec.activeDeadlineSeconds = 200),
      'spec.activeDeadlineSeconds: Invalid value: 200: must be less than or equal to previous value',
    ],
    [
      'no deadline',
      ({ spec }) => delete spec.activeDeadlineSeconds,
      'spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value',
    ],
    [
      'a changed toleration',
      ({ spec }) => (spec.tolerations![0]!.key = 'b'),
      'spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds',
    ],
    [
      'a gate',
      ({ spec }) => (spec.schedulingGates = [{ name: 'g' }]),
      "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'g'",
    ],
    [
      'a mirror annotation',
      ({ metadata }) => (metadata.annotations = { 'kubernetes.io/config.mirror': 'x' }),
      'metadata.annotations[kubernetes.io/config.mirror]: Forbidden: may not add mirror pod annotation',
    ],
  ])('refuses %s', (_what, change, text) => {
    expect(update(change)).toContain(text);
  });

  it('lets a negative grace period become 1', () => {
    const yaml = WEB.replace('nodeName: node-1', 'terminationGracePeriodSeconds: -5');
    expect(update(({ spec }) => (spec.terminationGracePeriodSeconds = 1), yaml)).toEqual([]);
    expect(update(({ spec }) => (spec.terminationGracePeriodSeconds = 2), yaml)).toHaveLength(1);
  });

  describe('of a gated pod', () => {
    const gated = `
metadata: { name: web }
spec:
  schedulingGates: [{ name: g }]
  nodeSelector: { disk: ssd }
  affinity:
    nodeAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        nodeSelectorTerms: [{ matchExpressions: [{ key: zone, operator: Exists }] }]
  containers: [{ name: a, image: a:1 }]
`;
    const terms = ({ spec }: Pod) =>
      spec.affinity!.nodeAffinity!.requiredDuringSchedulingIgnoredDuringExecution!.nodeSelectorTerms;
    const path = 'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms';

    it.each<[string, (pod: Pod) => void]>([
      ['fewer gates', ({ spec }) => delete spec.schedulingGates],
      ['more node labels', ({ spec }) => (spec.nodeSelector!['cpu'] = 'fast')],
      ['more requirements', (pod) => terms(pod)[0]!.matchExpressions!.push({ key: 'gpu', operator: 'Exists' })],
    ])('allows %s', (_what, change) => {
      expect(update(change, gated)).toEqual([]);
    });

    it.each<[string, (pod: Pod) => void, string]>([
      [
        'other node labels',
        ({ spec }) => (spec.nodeSelector = {}),
        'spec.nodeSelector: Invalid value: {}: only additions to spec.nodeSelector are allowed (no mutations or deletions)',
      ],
      [
        'more terms',
        (pod) => terms(pod).push({}),
        `${path}: Invalid value: [{"matchExpressions":[{"key":"zone","operator":"Exists"}]},{}]: no additions/deletions to non-empty NodeSelectorTerms list are allowed`,
      ],
      [
        'other requirements',
        (pod) => (terms(pod)[0]!.matchExpressions = []),
        `${path}[0]: Invalid value: {"matchExpressions":[]}: only additions are allowed (no mutations or deletions)`,
      ],
    ])('refuses %s', (_what, change, text) => {
      expect(update(change, gated)).toEqual([text]);
    });
  });
});

function through(
  subresource: PodSubresourceUpdate,
  change: (pod: Pod) => void,
  yaml = WEB,
): { next: Pod; errors: string[] } {
  const previous = freeze(podOf(yaml));
  const next = structuredClone(previous);
  change(next);
  defaultPod(next);
  subresource.prepareForUpdate(next, previous);
  return { next, errors: subresource.validateUpdate(next, previous).map(formatFieldError) };
}

describe('ephemeralContainersUpdate', () => {
  it('adds ephemeral containers and changes nothing else', () => {
    const { next, errors } = through(ephemeralContainersUpdate, ({ spec, metadata }) => {
      spec.ephemeralContainers = [{ name: 'debug', image: 'busybox', targetContainerName: 'a' }];
      spec.hostname = 'other';
      metadata.labels = { a: 'b' };
    });
    expect(errors).toEqual([]);
    expect(next.spec.ephemeralContainers!.map(({ name }) => name)).toEqual(['debug']);
    expect(next.spec.hostname).toBeUndefined();
    expect(next.metadata.labels).toBeUndefined();
  });

  it('refuses what ephemeral containers cannot have', () => {
    const { errors } = through(ephemeralContainersUpdate, ({ spec }) => {
      const resources = { limits: { cpu: '1' } };
      spec.ephemeralContainers = [
        { name: 'a', image: 'b', targetContainerName: 'c', ports: [{ containerPort: 1 }], resources },
      ];
    });
    expect(errors).toEqual([
      'spec.ephemeralContainers[0].name: Duplicate value: "a"',
      'spec.ephemeralContainers[0].targetContainerName: Not found: "c"',
      'spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container',
      'spec.ephemeralContainers[0].resources: Forbidden: cannot be set for an Ephemeral Container',
    ]);
  });

  it('keeps those that are there', () => {
    const yaml = `${WEB}  ephemeralContainers: [{ name: one, image: i }, { name: two, image: i }]\n`;
    const { errors } = through(
      ephemeralContainersUpdate,
      ({ spec }) => (spec.ephemeralContainers = [{ name: 'two', image: 'j' }]),
      yaml,
    );
    expect(errors[0]).toBe(
      'spec.ephemeralContainers: Forbidden: existing ephemeral containers "one" may not be removed\n',
    );
    expect(errors[1]).toContain('existing ephemeral containers "two" may not be changed\n  two.image:');
  });
});

describe('resizeUpdate', () => {
  const requests = ({ spec }: Pod): Record<string, string> => spec.containers[0]!.resources!.requests!;

  it('changes cpu and memory and nothing else', () => {
    const { next, errors } = through(resizeUpdate, (pod) => {
      requests(pod)['cpu'] = '200m';
      pod.spec.containers[0]!.image = 'a:2';
    });
    expect(errors).toEqual([]);
    expect(next.spec.containers[0]!.image).toBe('a:1');
    expect(requests(next)['cpu']).toBe('200m');
  });

  it.each<[string, (pod: Pod) => void, string]>([
    [
      'to take a request away',
      (pod) => delete requests(pod)['cpu'],
      'spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed',
    ],
    [
      'to take a limit away',
      ({ spec }) => delete spec.containers[0]!.resources!.limits,
      'spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed',
    ],
    [
      'other resources',
      (pod) => (requests(pod)['ephemeral-storage'] = '1Gi'),
      'spec: Forbidden: only cpu and memory resources are mutable',
    ],
    [
      'another QoS class',
      ({ spec }) =>
        (spec.containers[0]!.resources = {
          limits: { cpu: '100m', memory: '1Gi' },
          requests: { cpu: '100m', memory: '1Gi' },
        }),
      'spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing',
    ],
    [
      'other containers',
      ({ spec }) => (spec.containers[0]!.name = 'b'),
      'spec: Forbidden: only cpu and memory resources are mutable',
    ],
  ])('refuses %s', (_what, change, text) => {
    const yaml = `${WEB}status: { qosClass: Burstable }\n`;
    expect(through(resizeUpdate, change, yaml).errors).toEqual([text]);
  });

  it('refuses static pods', () => {
    const yaml = WEB.replace('name: web', 'name: web, annotations: { kubernetes.io/config.mirror: x }');
    expect(through(resizeUpdate, () => undefined, yaml).errors).toEqual([': Forbidden: static pods cannot be resized']);
  });
});
