/**
 * Values under server-side apply: merging an applied configuration into the live object, and removing what a manager
 * no longer applies (upstream: structured-merge-diff `typed/merge.go` and `typed/remove.go`).
 */
import { isObject, itemElement, listItems, partOf, setItems } from './compare.ts';
import type { JsonObject } from './compare.ts';
import type { FieldSet } from './field-set.ts';
import { isMember } from './field-set.ts';
import type { Shape } from './shape.ts';

/** The live value with the applied one over it; neither is changed, and parts may be shared with both. */
export function mergeValues(shape: Shape, live: unknown, applied: unknown): unknown {
  if (live === undefined || live === null || applied === null || shape.kind === 'leaf') return applied;
  if (Array.isArray(live) && Array.isArray(applied)) return mergeLists(shape, live, applied);
  if (!isObject(live) || !isObject(applied)) return applied;
  const merged: JsonObject = { ...live };
  for (const key of Object.keys(applied)) {
    const part = partOf(shape, key);
    const before = Object.hasOwn(live, key) ? live[key] : undefined;
    setOwn(merged, key, part === undefined ? (before ?? applied[key]) : mergeValues(part, before, applied[key]));
  }
  return merged;
}

/**
 * Without what is in `gone` and not in `kept`, both sets below the value's own path. `undefined` when nothing is left
 * of what had parts.
 */
export function removeFields(shape: Shape, value: unknown, { gone, kept }: Removal): unknown {
  if (Array.isArray(value)) return removeItems(shape, value, { gone, kept });
  if (!isObject(value) || shape.kind === 'leaf') return value;
  const result: JsonObject = { ...value };
  for (const key of Object.keys(value)) {
    const element = `f:${key}`;
    const part = partOf(shape, key);
    if (gone[element] === undefined || part === undefined) continue;
    const left = removePart(part, value[key], { gone: gone[element], kept: kept?.[element] });
    if (left === undefined) delete result[key];
    else setOwn(result, key, left);
  }
  return Object.keys(result).length === 0 && Object.keys(value).length > 0 ? undefined : result;
}

export interface Removal {
  gone: FieldSet;
  kept: FieldSet | undefined;
}

/** A part goes whole when it was a member itself and nobody holds on to it or to anything in it. */
function removePart(shape: Shape, value: unknown, { gone, kept }: Removal): unknown {
  if (isMember(gone) && kept === undefined) return undefined;
  return removeFields(shape, value, { gone, kept });
}

function removeItems(shape: Shape, list: readonly unknown[], { gone, kept }: Removal): unknown {
  if (shape.kind !== 'list-map' && shape.kind !== 'set') return list;
  const result: unknown[] = [];
  for (const item of list) {
    const element = shape.kind === 'set' ? `v:${JSON.stringify(item)}` : itemElement(shape, item);
    const itemGone = gone[element];
    if (itemGone === undefined) {
      result.push(item);
      continue;
    }
    if (isMember(itemGone) && !isMember(kept?.[element])) continue;
    const left =
      shape.element === undefined ? item : removeFields(shape.element, item, { gone: itemGone, kept: kept?.[element] });
    if (left !== undefined) result.push(left);
  }
  return result.length === 0 && list.length > 0 ? undefined : result;
}

/** Applied items in the applied order; before each come the live ones that are not applied, as far as they reach. */
function mergeLists(shape: Shape, live: readonly unknown[], applied: readonly unknown[]): unknown {
  if (shape.kind !== 'list-map' && shape.kind !== 'set') return applied;
  const itemsOf = (list: readonly unknown[]): Map<string, unknown> =>
    shape.kind === 'set' ? setItems(list) : listItems(shape, list);
  const before = itemsOf(live);
  const after = itemsOf(applied);
  const liveElements = [...before.keys()];
  const merged: unknown[] = [];
  const done = new Set<string>();
  let next = 0;
  const takeLive = (): void => {
    for (; next < liveElements.length; next++) {
      const element = liveElements[next]!;
      if (!after.has(element)) merged.push(before.get(element));
      else if (!done.has(element)) return;
    }
  };
  for (const [element, item] of after) {
    takeLive();
    const isMerged = shape.element !== undefined && before.has(element);
    merged.push(isMerged ? mergeValues(shape.element!, before.get(element), item) : item);
    done.add(element);
  }
  takeLive();
  return merged;
}

function setOwn(object: JsonObject, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  else object[key] = value;
}
