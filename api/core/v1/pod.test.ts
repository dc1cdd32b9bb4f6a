import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { formatFieldError } from '../../machinery/field-error.ts';
import type { Pod } from './pod.ts';
import { podGracePeriodSeconds, pods } from './pod.ts';

const CONTEXT = { user: { name: 'test', groups: [] }, nowMs: Date.parse('2026-01-01T00:00:00Z'), dryRun: false };

function read(yaml: string): Pod {
  const pod = parse(yaml) as Pod;
  pods.strategy.default!(pod);
  return pod;
}

function create(yaml: string): { pod: Pod; errors: string[]; warnings: string[] } {
  const pod = read(yaml);
  pods.strategy.prepareForCreate!(pod, CONTEXT);
  const errors = pods.strategy.validate!(pod).map(formatFieldError);
  return { pod, errors, warnings: pods.strategy.warnings!(pod, undefined) };
}

const NGINX = `
apiVersion: v1
kind: Pod
metadata:
  name: web
  namespace: default
  labels: { app: web }
spec:
  containers:
    - name: nginx
      image: nginx
      ports:
        - containerPort: 80
      resources:
        limits: { cpu: 1000m, memory: 1024Ki }
      env:
        - name: POD_IP
          valueFrom: { fieldRef: { fieldPath: status.podIP } }
      livenessProbe:
        httpGet: { port: 80 }
  volumes:
    - name: scratch
    - name: config
      configMap: { name: web }
`;

describe('pods.strategy.default()', () => {
  it('fills in what the author left open', () => {
    const { spec } = read(NGINX);
    expect(spec).toEqual({
      containers: [
        {
          name: 'nginx',
          image: 'nginx',
          imagePullPolicy: 'Always',
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
          ports: [{ containerPort: 80, protocol: 'TCP' }],
          resources: { limits: { cpu: '1', memory: '1Mi' }, requests: { cpu: '1', memory: '1Mi' } },
          env: [{ name: 'POD_IP', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'status.podIP' } } }],
          livenessProbe: {
            httpGet: { port: 80, path: '/', scheme: 'HTTP' },
            timeoutSeconds: 1,
            periodSeconds: 10,
            successThreshold: 1,
            failureThreshold: 3,
          },
        },
      ],
      volumes: [
        { name: 'scratch', emptyDir: {} },
        { name: 'config', configMap: { name: 'web', defaultMode: 420 } },
      ],
      dnsPolicy: 'ClusterFirst',
      enableServiceLinks: true,
      restartPolicy: 'Always',
      schedulerName: 'default-scheduler',
      securityContext: {},
      terminationGracePeriodSeconds: 30,
    });
  });

  it('changes nothing the second time', () => {
    const pod = read(NGINX);
    const before = structuredClone(pod);
    pods.strategy.default!(pod);
    expect(pod).toEqual(before);
  });

  it('takes podIP for the first of podIPs', () => {
    const pod = read(NGINX);
    pod.status = { podIP: '10.0.0.1' };
    pods.strategy.default!(pod);
    expect(pod.status.podIPs).toEqual([{ ip: '10.0.0.1' }]);
    pod.status = { podIPs: [{ ip: '10.0.0.2' }, { ip: 'fd00::2' }] };
    pods.strategy.default!(pod);
    expect(pod.status).toEqual({ podIP: '10.0.0.2', podIPs: [{ ip: '10.0.0.2' }, { ip: 'fd00::2' }] });
    pod.status.podIP = '10.0.0.3';
    pods.strategy.default!(pod);
    expect(pod.status.podIPs).toEqual([{ ip: '10.0.0.3' }]);
  });

  it('opens host ports of a pod in the network of the host', () => {
    const pod = read(`
metadata: { name: web }
spec:
  hostNetwork: true
  containers: [{ name: a, image: a:1, ports: [{ containerPort: 80 }] }]
`);
    expect(pod.spec.containers[0]!.ports).toEqual([{ containerPort: 80, hostPort: 80, protocol: 'TCP' }]);
  });
});

describe('pods.strategy.prepareForCreate()', () => {
  it('starts a pod Pending, whatever the client says', () => {
    const { pod, errors, warnings } = create(`${NGINX}status: { phase: Running, qosClass: BestEffort }\n`);
    expect(pod.status).toEqual({ phase: 'Pending', qosClass: 'Guaranteed' });
    expect(errors).toEqual([]);
    expect(warnings).toEqual([]);
  });

  it('says that a gated pod is not scheduled', () => {
    const { pod } = create(`
metadata: { name: web }
spec:
  schedulingGates: [{ name: example.com/quota }]
  containers: [{ name: a, image: a:1 }]
`);
    expect(pod.status!.conditions).toEqual([
      {
        type: 'PodScheduled',
        status: 'False',
        reason: 'SchedulingGated',
        message: 'Scheduling is blocked due to non-empty scheduling gates',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      },
    ]);
  });

  it("turns matchLabelKeys into the pod's own values", () => {
    const { pod } = create(`
metadata: { name: web, labels: { app: web, rev: "7" } }
spec:
  containers: [{ name: a, image: a:1 }]
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: zone
      whenUnsatisfiable: DoNotSchedule
      labelSelector: { matchLabels: { app: web } }
      matchLabelKeys: [rev, missing]
  affinity:
    podAntiAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        - topologyKey: zone
          labelSelector: {}
          mismatchLabelKeys: [rev]
`);
    expect(pod.spec.topologySpreadConstraints![0]!.labelSelector).toEqual({
      matchLabels: { app: 'web' },
      matchExpressions: [{ key: 'rev', operator: 'In', values: ['7'] }],
    });
    const terms = pod.spec.affinity!.podAntiAffinity!.requiredDuringSchedulingIgnoredDuringExecution!;
    expect(terms[0]!.labelSelector).toEqual({ matchExpressions: [{ key: 'rev', operator: 'NotIn', values: ['7'] }] });
  });

  it('copies AppArmor annotations into fields', () => {
    const { pod, warnings } = create(`
metadata:
  name: web
  annotations: { container.apparmor.security.beta.kubernetes.io/a: localhost/mine }
spec: { containers: [{ name: a, image: a:1 }] }
`);
    const profile = { type: 'Localhost', localhostProfile: 'mine' };
    expect(pod.spec.containers[0]!.securityContext).toEqual({ appArmorProfile: profile });
    expect(warnings).toEqual([
      'metadata.annotations[container.apparmor.security.beta.kubernetes.io/a]: deprecated since v1.30; use the "appArmorProfile" field instead',
    ]);
  });
});

describe('pods.strategy.warnings()', () => {
  it('tells what is likely a mistake', () => {
    const { warnings } = create(`
metadata: { name: web.example }
spec:
  nodeSelector: { beta.kubernetes.io/os: linux }
  terminationGracePeriodSeconds: -5
  imagePullSecrets: [{ name: a }, { name: a }]
  containers:
    - name: a
      image: a:1
      ports: [{ containerPort: 80 }, { containerPort: 80, hostIP: 1.2.3.4 }]
      env: [{ name: A, value: x }, { name: A, value: y }, { name: A, value: $(A)z }]
      resources: { limits: { memory: 500m } }
  volumes: [{ name: old, rbd: { monitors: [m], image: i } }]
`);
    expect(warnings).toEqual([
      "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]",
      'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
      'spec.volumes[0].rbd: deprecated in v1.28, non-functional in v1.31+',
      'spec.imagePullSecrets[1].name: duplicate name "a"',
      'spec.containers[0].resources.limits[memory]: fractional byte value "500m" is invalid, must be an integer',
      'spec.containers[0].resources.requests[memory]: fractional byte value "500m" is invalid, must be an integer',
      'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
      'spec.containers[0].ports[1]: hostIP set without hostPort: {Name: HostPort:0 ContainerPort:80 Protocol:TCP HostIP:1.2.3.4}',
      'spec.containers[0].ports[1]: overlapping port definition with spec.containers[0].ports[0]',
      'spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1',
    ]);
  });

  it('is quiet about updates', () => {
    const { pod } = create(NGINX);
    pod.spec.terminationGracePeriodSeconds = -1;
    expect(pods.strategy.warnings!(pod, pod)).toEqual([]);
  });
});

describe('podGracePeriodSeconds()', () => {
  const bound = (): Pod => {
    const { pod } = create(NGINX);
    pod.spec.nodeName = 'node-1';
    return pod;
  };

  it("is the pod's own period unless the request names one", () => {
    expect(podGracePeriodSeconds(bound(), {})).toBe(30);
    expect(podGracePeriodSeconds(bound(), { gracePeriodSeconds: 5 })).toBe(5);
    expect(podGracePeriodSeconds(bound(), { gracePeriodSeconds: 0 })).toBe(0);
    expect(podGracePeriodSeconds(bound(), { gracePeriodSeconds: -1 })).toBe(1);
  });

  it('is 0 for a pod that no node runs', () => {
    const { pod } = create(NGINX);
    expect(podGracePeriodSeconds(pod, { gracePeriodSeconds: 5 })).toBe(0);
    const ended = bound();
    ended.status = { phase: 'Succeeded' };
    expect(podGracePeriodSeconds(ended, {})).toBe(0);
  });
});

describe('pods.selectableFields', () => {
  it('reads fields as text', () => {
    const { pod } = create(NGINX);
    const values = Object.fromEntries(Object.entries(pods.selectableFields).map(([field, get]) => [field, get(pod)]));
    expect(values).toEqual({
      'spec.nodeName': '',
      'spec.restartPolicy': 'Always',
      'spec.schedulerName': 'default-scheduler',
      'spec.serviceAccountName': '',
      'spec.hostNetwork': 'false',
      'status.phase': 'Pending',
      'status.podIP': '',
      'status.nominatedNodeName': '',
    });
  });
});
