/** Changes valid bodies: one place of a value, or some bytes of its encoding. */
import type { Choices } from '../choices.ts';
import { hostileText, hostileValue, placeholder, textForField } from './hostile-text.ts';

type Container = Record<string, unknown> | unknown[];

interface Place {
  container: Container;
  key: string | number;
  /** The nearest name above. */
  field: string;
}

/** A changed copy; `count` places at most. */
export function mutateValue<T>(value: T, choices: Choices, count: number): T {
  const copy = structuredClone(value);
  for (let i = 0; i < count; i++) {
    const places = placesOf(copy);
    if (places.length === 0) return copy;
    mutatePlace(choices.pick(places), choices);
  }
  return copy;
}

function placesOf(value: unknown, field = '', found: Place[] = []): Place[] {
  if (typeof value !== 'object' || value === null || found.length > 3_000) return found;
  const keys: (string | number)[] = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  for (const key of keys) {
    const name = typeof key === 'number' ? field : key;
    found.push({ container: value as Container, key, field: name });
    placesOf((value as Record<string | number, unknown>)[key], name, found);
  }
  return found;
}

function mutatePlace({ container, key, field }: Place, choices: Choices): void {
  const record = container as Record<string | number, unknown>;
  const present = record[key];
  choices.weighted<() => void>([
    [2, () => remove(container, key)],
    [4, () => set(container, key, hostileValue(choices))],
    [4, () => set(container, key, textForField(choices, field) ?? nearby(present, choices))],
    [1, () => set(container, key, Array.isArray(present) ? present[0] : [present])],
    [1, () => duplicate(container, key, choices)],
    [0.7, () => set(container, key, grown(present, choices))],
    [1, () => add(present, choices)],
    [1, () => set(container, key, { [hostileText(choices)]: present })],
  ])();
}

/** Of the same type, so that it comes through to the validation. */
function nearby(value: unknown, choices: Choices): unknown {
  if (typeof value === 'string') return choices.chance(0.3) ? value + hostileText(choices) : hostileText(choices);
  if (typeof value === 'number') return choices.pick([0, -1, value + 1, 2_147_483_647, -2_147_483_648, 65_536, 1e15]);
  if (typeof value === 'boolean') return !value;
  if (Array.isArray(value)) return choices.chance(0.5) ? [...value].reverse() : [];
  return {};
}

/** Of the same type, and very large. */
function grown(value: unknown, choices: Choices): unknown {
  if (Array.isArray(value) && value.length > 0) return Array.from({ length: 500 }, () => structuredClone(value[0]));
  if (Array.isArray(value)) return placeholder('ITEMS', 5_000);
  if (typeof value === 'object' && value !== null) return placeholder('MANY', 10_000);
  return typeof value === 'string' ? placeholder('LONG', choices.pick([300, 70_000, 1_000_000])) : value;
}

function set(container: Container, key: string | number, value: unknown): void {
  Object.defineProperty(container, key, { value, enumerable: true, configurable: true, writable: true });
}

function remove(container: Container, key: string | number): void {
  if (Array.isArray(container)) container.splice(Number(key), 1);
  else delete container[key as string];
}

function duplicate(container: Container, key: string | number, choices: Choices): void {
  if (Array.isArray(container)) container.push(structuredClone(container[Number(key)]));
  else set(container, hostileText(choices), structuredClone(container[key as string]));
}

function add(value: unknown, choices: Choices): void {
  if (Array.isArray(value)) value.push(hostileValue(choices));
  else if (typeof value === 'object' && value !== null)
    set(value as Container, hostileText(choices), hostileValue(choices));
}

/** Flips, drops, doubles, splices. */
export function mutateBytes(bytes: Uint8Array, choices: Choices): Uint8Array {
  let changed = Buffer.from(bytes);
  for (let count = choices.below(4); count >= 0 && changed.length > 0; count--) {
    const at = choices.below(changed.length);
    const to = Math.min(changed.length, at + 1 + choices.below(16));
    changed = choices.weighted<() => Buffer<ArrayBuffer>>([
      [4, () => Buffer.concat([changed.subarray(0, at), choices.bytes(1), changed.subarray(at + 1)])],
      [2, () => Buffer.concat([changed.subarray(0, at), changed.subarray(to)])],
      [2, () => Buffer.concat([changed.subarray(0, to), changed.subarray(at)])],
      [1, () => Buffer.from(changed.subarray(0, at))],
      [1, () => Buffer.concat([changed.subarray(0, at), choices.bytes(8), changed.subarray(at)])],
      [
        1,
        () =>
          Buffer.concat([changed.subarray(0, at), Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]), changed.subarray(at)]),
      ],
      [1, () => Buffer.concat([changed.subarray(0, at), Buffer.from(choices.pick(SPLICES)), changed.subarray(at)])],
    ])();
  }
  return changed;
}

const SPLICES = [
  '"',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '\\',
  '\n',
  '\t',
  '&a ',
  '*a',
  '<<: *a\n',
  '!!binary ',
  '---\n',
  '? ',
  '- ',
  '"\\ud800"',
  '\0',
  '\u{feff}',
  '1e999',
  '#',
];
