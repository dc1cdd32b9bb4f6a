/** Semantic versions (`k8s.io/apiserver/pkg/cel/library/semverlib.go`). */
import { CelError } from '../cel.ts';
import { globalOverload, type Library, memberOverload } from '../declarations.ts';
import { BOOL, INT, opaque, STRING } from '../types.ts';
import { OpaqueValue } from '../values.ts';

export const SEMVER_TYPE = opaque('kubernetes.Semver');

class SemverValue extends OpaqueValue {
  readonly typeName = SEMVER_TYPE.name;
  readonly core: readonly [bigint, bigint, bigint];
  readonly prerelease: readonly string[];

  constructor(core: readonly [bigint, bigint, bigint], prerelease: readonly string[]) {
    super();
    this.core = core;
    this.prerelease = prerelease;
  }

  equals(other: OpaqueValue): boolean {
    return other instanceof SemverValue && compareVersions(this, other) === 0;
  }
}

const VERSION = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?$/;

function parse(text: string): SemverValue | string {
  const match = VERSION.exec(text);
  if (match === null) {
    return text === '' ? 'Version string empty' : 'No Major.Minor.Patch elements found';
  }
  const [, major = '', minor = '', patch = '', prerelease, build] = match;
  const parts = prerelease?.split('.') ?? [];
  if (parts.includes('') || build?.split('.').includes('') === true) {
    return 'Prerelease is empty';
  }
  const zero = parts.find((part) => /^0\d+$/.test(part));
  if (zero !== undefined) {
    return `Numeric PreRelease version must not contain leading zeroes ${JSON.stringify(zero)}`;
  }
  const core = [BigInt(major), BigInt(minor), BigInt(patch)] as const;
  return core.some((number) => number > 2n ** 64n - 1n) ? 'value out of range' : new SemverValue(core, parts);
}

/** Without a `v`, with all three numbers and no zeros before them. */
function normalize(text: string): string {
  const parts = text.replace(/^v/, '').split('.');
  const three = parts.length > 3 ? [parts[0], parts[1], parts.slice(2).join('.')] : parts;
  const numbers = three.map((part = '') => part.replace(/^0+(?=\d)/, ''));
  if (numbers.length < 3 && /[+-]/.test(numbers.at(-1) ?? '')) {
    throw new CelError('short version cannot contain PreRelease/Build meta data');
  }
  while (numbers.length < 3) {
    numbers.push('0');
  }
  return numbers.join('.');
}

function toVersion(text: string, normalized = false): SemverValue {
  const version = parse(normalized ? normalize(text) : text);
  if (typeof version === 'string') {
    throw new CelError(version);
  }
  return version;
}

function isVersion(text: string, normalized = false): boolean {
  try {
    toVersion(text, normalized);
    return true;
  } catch {
    return false;
  }
}

function compareVersions(a: SemverValue, b: SemverValue): number {
  for (let index = 0; index < 3; index++) {
    const left = a.core[index] as bigint;
    const right = b.core[index] as bigint;
    if (left !== right) {
      return left < right ? -1 : 1;
    }
  }
  if (a.prerelease.length === 0 || b.prerelease.length === 0) {
    return Math.sign(b.prerelease.length - a.prerelease.length);
  }
  return comparePrereleases(a.prerelease, b.prerelease);
}

function comparePrereleases(a: readonly string[], b: readonly string[]): number {
  const shorter = Math.min(a.length, b.length);
  for (let index = 0; index < shorter; index++) {
    const order = comparePart(a[index] as string, b[index] as string);
    if (order !== 0) {
      return order;
    }
  }
  return Math.sign(a.length - b.length);
}

function comparePart(a: string, b: string): number {
  const numericA = /^\d+$/.test(a);
  const numericB = /^\d+$/.test(b);
  if (numericA && numericB) {
    return BigInt(a) < BigInt(b) ? -1 : BigInt(a) > BigInt(b) ? 1 : 0;
  }
  if (numericA !== numericB) {
    return numericA ? -1 : 1;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

function number(name: string, index: 0 | 1 | 2): NonNullable<Library['functions']>[number] {
  const call = (version: SemverValue): bigint => BigInt.asIntN(64, version.core[index]);
  return { name, overloads: [memberOverload(`semver_${name}`, [SEMVER_TYPE], INT, call)] };
}

const BOTH = [SEMVER_TYPE, SEMVER_TYPE];

export const SEMVER_LIBRARY: Library = {
  name: 'semver',
  functions: [
    {
      name: 'semver',
      overloads: [
        globalOverload('string_to_semver', [STRING], SEMVER_TYPE, (text: string) => toVersion(text)),
        globalOverload('string_bool_to_semver', [STRING, BOOL], SEMVER_TYPE, toVersion),
      ],
    },
    {
      name: 'isSemver',
      overloads: [
        globalOverload('is_semver_string', [STRING], BOOL, (text: string) => isVersion(text)),
        globalOverload('is_semver_string_bool', [STRING, BOOL], BOOL, isVersion),
      ],
    },
    {
      name: 'isGreaterThan',
      overloads: [
        memberOverload(
          'semver_is_greater_than',
          BOTH,
          BOOL,
          (a: SemverValue, b: SemverValue) => compareVersions(a, b) > 0,
        ),
      ],
    },
    {
      name: 'isLessThan',
      overloads: [
        memberOverload(
          'semver_is_less_than',
          BOTH,
          BOOL,
          (a: SemverValue, b: SemverValue) => compareVersions(a, b) < 0,
        ),
      ],
    },
    {
      name: 'compareTo',
      overloads: [
        memberOverload('semver_compare_to', BOTH, INT, (a: SemverValue, b: SemverValue) =>
          BigInt(compareVersions(a, b)),
        ),
      ],
    },
    number('major', 0),
    number('minor', 1),
    number('patch', 2),
  ],
};
