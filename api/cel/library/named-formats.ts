/** `format.dns1123Label()` and its like (`k8s.io/apiserver/pkg/cel/library/format.go`). */
import {
  isQualifiedName,
  isValidLabelValue,
  validateDns1035LabelName,
  validateDnsLabelName,
  validateDnsSubdomainName,
} from '../../machinery/validation.ts';
import { globalOverload, type Library, memberOverload } from '../declarations.ts';
import { parseTimestamp } from '../time.ts';
import { listOf, opaque, optionalOf, STRING } from '../types.ts';
import { ListValue, OpaqueValue, OptionalValue } from '../values.ts';
import { urlProblem } from './url.ts';

export const FORMAT_TYPE = opaque('kubernetes.NamedFormat');

class FormatValue extends OpaqueValue {
  readonly typeName = FORMAT_TYPE.name;
  readonly name: string;
  /** Length of the longest pattern behind it: what a check costs goes by it. */
  readonly patternSize: number;
  readonly problems: (text: string) => readonly string[];

  constructor(name: string, patternSize: number, problems: (text: string) => readonly string[]) {
    super();
    this.name = name;
    this.patternSize = patternSize;
    this.problems = problems;
  }

  equals(other: OpaqueValue): boolean {
    return other === this;
  }
}

function unless(valid: (text: string) => boolean, problem: string): (text: string) => readonly string[] {
  return (text) => (valid(text) ? [] : [problem]);
}

const UUID = /^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/;

function uriProblems(text: string): readonly string[] {
  const problem = urlProblem(text);
  return problem === undefined ? [] : [problem];
}

/** Lengths of upstream's patterns: govalidator.URL, strfmt.UUIDPattern, govalidator.Base64, strfmt.DateTimePattern. */
const FORMATS: readonly FormatValue[] = [
  new FormatValue('dns1123Label', 30, (text) => validateDnsLabelName(text, false)),
  new FormatValue('dns1123Subdomain', 60, (text) => validateDnsSubdomainName(text, false)),
  new FormatValue('dns1035Label', 30, (text) => validateDns1035LabelName(text, false)),
  new FormatValue('qualifiedName', 60, isQualifiedName),
  new FormatValue('dns1123LabelPrefix', 30, (text) => validateDnsLabelName(text, true)),
  new FormatValue('dns1123SubdomainPrefix', 60, (text) => validateDnsSubdomainName(text, true)),
  new FormatValue('dns1035LabelPrefix', 30, (text) => validateDns1035LabelName(text, true)),
  new FormatValue('labelValue', 40, isValidLabelValue),
  new FormatValue('uri', 1100, uriProblems),
  new FormatValue(
    'uuid',
    100,
    unless((text) => UUID.test(text), 'does not match the UUID format'),
  ),
  new FormatValue(
    'byte',
    90,
    unless((text) => BASE64.test(text), 'invalid base64'),
  ),
  new FormatValue(
    'date',
    190,
    unless((text) => parseTimestamp(`${text}T00:00:00Z`) !== undefined, 'invalid date'),
  ),
  new FormatValue(
    'datetime',
    190,
    unless((text) => parseTimestamp(text) !== undefined, 'invalid datetime'),
  ),
];

function named(name: string): OptionalValue {
  const format = FORMATS.find((candidate) => candidate.name === name);
  return format === undefined ? OptionalValue.none : new OptionalValue(format);
}

function validate(format: FormatValue, text: string): OptionalValue {
  const problems = format.problems(text);
  return problems.length === 0 ? OptionalValue.none : new OptionalValue(new ListValue(problems));
}

export const NAMED_FORMAT_LIBRARY: Library = {
  name: 'named formats',
  functions: [
    ...FORMATS.map((format) => ({
      name: `format.${format.name}`,
      overloads: [globalOverload(`format.${format.name}`, [], FORMAT_TYPE, () => format)],
    })),
    { name: 'format.named', overloads: [globalOverload('format-named', [STRING], optionalOf(FORMAT_TYPE), named)] },
    {
      name: 'validate',
      overloads: [memberOverload('format-validate', [FORMAT_TYPE, STRING], optionalOf(listOf(STRING)), validate)],
    },
  ],
};
