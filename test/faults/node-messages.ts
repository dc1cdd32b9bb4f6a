/** What a test and its kubelet process (`crashing-node.ts`) say to each other. */
import type { WatchEvent } from '../../api/machinery/handler.ts';
import type { CrashPlan } from './effects/crash-point.ts';

export interface NodeConfig {
  /** Of everything that the node keeps. */
  folder: string;
  /** The native helper. */
  program: string;
  clusterId: string;
  nodeName: string;
  podCidr: string;
  /** Default: the kubelet's own. */
  crashBackoff?: { initialMs: number; maxMs: number };
}

export type ToNode =
  | { type: 'arm'; plan: CrashPlan | undefined }
  | { type: 'effects' }
  | { type: 'heap' }
  | { type: 'response'; id: number; status: number; body: unknown }
  | { type: 'events'; id: number; events: WatchEvent[] };

export type FromNode =
  | { type: 'ready' }
  | { type: 'armed' }
  | { type: 'effects'; labels: readonly string[] }
  | { type: 'heap'; usedBytes: number }
  | {
      type: 'request';
      id: number;
      isWatch: boolean;
      method: string;
      url: string;
      contentType: string;
      body: unknown;
    }
  | { type: 'cancel'; id: number };
