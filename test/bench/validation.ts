/** How quickly pods are validated: every creation of a pod waits for it, in the server's one thread. */
import { parse } from 'yaml';
import { defaultPod } from '../../api/core/v1/pod/defaults.ts';
import type { Pod } from '../../api/core/v1/pod/types.ts';
import { validatePodCreate } from '../../api/core/v1/pod/validation.ts';
import type { BenchLine } from './bench-line.ts';

const COUNT = 20_000;
const ROUNDS = 5;
const TARGET = 10_000;

const POD = `
apiVersion: v1
kind: Pod
metadata: { name: a, namespace: default }
spec:
  containers:
  - name: a
    image: a:1
    ports: [{ containerPort: 80, name: http }]
    env: [{ name: A, value: a }, { name: B, valueFrom: { fieldRef: { fieldPath: status.podIP } } }]
    resources: { limits: { cpu: "1", memory: 1Gi } }
    livenessProbe: { httpGet: { port: http } }
    volumeMounts: [{ name: v, mountPath: /v }]
  volumes: [{ name: v, configMap: { name: c } }]
  tolerations: [{ key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 300 }]
`;

export function run(): Promise<BenchLine[]> {
  const pod = parse(POD) as Pod;
  defaultPod(pod);
  const problems = validatePodCreate(pod);
  if (problems.length > 0) throw new Error(`the pod of the bench is invalid: ${JSON.stringify(problems)}`);
  const rates = Array.from({ length: ROUNDS }, () => {
    const startedMs = performance.now();
    for (let i = 0; i < COUNT; i++) validatePodCreate(pod);
    return COUNT / ((performance.now() - startedMs) / 1000);
  });
  const value = Math.max(...rates);
  const target = `>= ${TARGET}`;
  const line = { scenario: 'validation', what: 'pods validated', value, unit: '/s', target, ok: value >= TARGET };
  return Promise.resolve([line]);
}
