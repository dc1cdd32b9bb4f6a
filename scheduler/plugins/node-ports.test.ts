import { describe, expect, it } from '@jest/globals';
import type { Pod } from '../../api/core/v1/pod.ts';
import { cycleOf, nodeOf, onlyNode, podOf } from '../objects-for-tests.ts';
import { podInfoOf } from '../pod-info.ts';
import { nodePorts } from './node-ports.ts';

const TAKEN = ["node(s) didn't have free ports for the requested pod ports"];

/** `ip/protocol/port` for each. */
function podWith(name: string, ...ports: string[]): Pod {
  const list = ports.map((text) => {
    const [hostIP, protocol, port] = text.split('/');
    return {
      containerPort: 80,
      hostPort: Number(port),
      ...(hostIP ? { hostIP } : {}),
      ...(protocol ? { protocol } : {}),
    };
  });
  return podOf(name, { spec: { containers: [{ name: 'main', ports: list }] } });
}

describe('NodePorts [S2]', () => {
  it.each([
    ['/TCP/80', '/TCP/81', undefined],
    ['/TCP/80', '/TCP/80', TAKEN],
    ['/TCP/80', '//80', TAKEN],
    ['/TCP/80', '/UDP/80', undefined],
    ['127.0.0.1/TCP/80', '127.0.0.2/TCP/80', undefined],
    ['127.0.0.1/TCP/80', '127.0.0.1/TCP/80', TAKEN],
    ['127.0.0.1/TCP/80', '/TCP/80', TAKEN],
    ['0.0.0.0/TCP/80', '127.0.0.1/TCP/80', TAKEN],
  ])('filters a node where %s is in use for a pod that wants %s', (used, wanted, reasons) => {
    const cycle = cycleOf(podWith('p', wanted), [nodeOf('n')], { n: [podWith('q', used)] });
    expect(nodePorts.preFilter!(cycle).type).toBe('continue');
    expect(nodePorts.filter!(cycle, onlyNode(cycle))?.reasons).toEqual(reasons);
  });

  it('counts the ports of sidecars, and not those of other init containers', () => {
    const ports = [{ containerPort: 80, hostPort: 80 }];
    const initContainers = [
      { name: 'sidecar', restartPolicy: 'Always', ports },
      { name: 'once', ports: [{ containerPort: 81, hostPort: 81 }] },
    ];
    const present = podOf('q', { spec: { initContainers } });
    const rejects = (pod: Pod): boolean => {
      const cycle = cycleOf(pod, [nodeOf('n')], { n: [present] });
      return nodePorts.filter!(cycle, onlyNode(cycle)) !== undefined;
    };
    expect(rejects(podWith('p', '/TCP/80'))).toBe(true);
    expect(rejects(podWith('p', '/TCP/81'))).toBe(false);
  });

  it('has nothing to do for a pod without host ports', () => {
    expect(nodePorts.preFilter!(cycleOf(podOf('p'), [])).type).toBe('skip');
  });

  it('has hope when a pod with one of the ports goes', () => {
    const info = podInfoOf(podWith('p', '/TCP/80'));
    const hint = nodePorts.queueingHint!;
    expect(hint(info, { name: 'AssignedPodDelete', pod: podWith('q', '/TCP/80') })).toBe(true);
    expect(hint(info, { name: 'AssignedPodDelete', pod: podWith('q', '/TCP/81') })).toBe(false);
  });
});
