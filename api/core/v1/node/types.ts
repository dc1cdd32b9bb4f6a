/** Wire types of nodes. */
import type { V1Node, V1NodeSpec, V1NodeStatus, V1Taint } from '@kubernetes/client-node';
import type { ApiObject, Wire } from '../../../machinery/meta.ts';

export type NodeSpec = Wire<V1NodeSpec>;
export type NodeStatus = Wire<V1NodeStatus>;
export type Taint = Wire<V1Taint>;

/** A decoded node: defaulting has seen to it that `spec` is there. */
export type Node = Omit<Wire<V1Node>, 'metadata' | 'spec'> & ApiObject & { spec: NodeSpec };
