/**
 * Sets of fields that were written under another structure: what has become one value is owned as one. What was one
 * value and has got parts is taken as if it always had (upstream: structured-merge-diff `typed/reconcile_schema.go`).
 */
import { partOf } from './compare.ts';
import type { FieldSet } from './field-set.ts';
import type { Shape } from './shape.ts';

/** Frozen sets that are as the shape has them. */
const settled = new WeakMap<Shape, WeakSet<FieldSet>>();

/** The set as the shape has it; `set` itself when nothing is to be changed. */
export function reconcileFields(shape: Shape, set: FieldSet): FieldSet {
  let known = settled.get(shape);
  if (known === undefined) settled.set(shape, (known = new WeakSet<FieldSet>()));
  if (known.has(set)) return set;
  const result = reconcileNode(shape, set);
  if (result === set && Object.isFrozen(set)) known.add(set);
  return result;
}

function reconcileNode(shape: Shape, node: FieldSet): FieldSet {
  if (shape.kind === 'leaf') return hasParts(node) ? {} : node;
  let result: FieldSet | undefined;
  for (const element in node) {
    const part = element.startsWith('f:') ? partOf(shape, element.slice(2)) : shape.element;
    if (part === undefined || element === '.') continue;
    const reconciled = reconcileNode(part, node[element]!);
    if (reconciled !== node[element]) (result ??= { ...node })[element] = reconciled;
  }
  return result ?? node;
}

function hasParts(node: FieldSet): boolean {
  for (const element in node) if (element !== '.') return true;
  return false;
}
