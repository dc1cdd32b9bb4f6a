/**
 * Field numbers of the protobuf messages of the kinds that are or may be served, as upstream's `generated.proto` files
 * fix them: facts. `# package`, then one message a line: `Name field=number:type …`, fields by their names in JSON.
 * `[]` repeats, `{}` is a map with string keys, a leading dot means the message's own package, `<` a struct that Go
 * embeds: a message of its own on the wire, and no field in JSON.
 */
import { CLUSTER_MESSAGES } from './messages-cluster.ts';
import { CORE_MESSAGES } from './messages-core.ts';
import { WORKLOADS_MESSAGES } from './messages-workloads.ts';

/** Texts to be split when a message is first asked for, not at start. */
export const MESSAGE_TABLES: readonly string[] = [CORE_MESSAGES, WORKLOADS_MESSAGES, CLUSTER_MESSAGES];
