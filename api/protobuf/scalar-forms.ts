/** Messages that are no object in JSON: times, quantities, values of several types, and JSON itself. */
import { decodeJson } from '../schema/json.ts';
import { ProtobufError } from './wire.ts';

export type Json = Record<string, unknown>;

export interface ScalarForm {
  /** Undefined where the value is absent in JSON. */
  fromMessage(message: Json): unknown;
  toMessage(value: unknown): Json;
}

/** What Go writes as a time (`time.Time.MarshalJSON`): the years 1 to 9999. */
const FIRST_SECOND = -62_135_596_800;
const LAST_SECOND = 253_402_300_799;

const numberOf = (value: unknown): number => (typeof value === 'number' ? value : 0);
const rawOf = (value: unknown): Uint8Array => (value instanceof Uint8Array ? value : new Uint8Array());

function timeText(message: Json): string {
  const seconds = numberOf(message['seconds']);
  if (seconds < FIRST_SECOND || seconds > LAST_SECOND)
    throw new ProtobufError('a time is outside of the years 1 to 9999');
  return new Date(seconds * 1000).toISOString().slice(0, 19);
}

const time: ScalarForm = {
  // A time that was never set travels as an empty message.
  fromMessage: (message) => (message['seconds'] === undefined ? undefined : `${timeText(message)}Z`),
  toMessage: (value) => ({ seconds: Math.floor(Date.parse(String(value)) / 1000), nanos: 0 }),
};

const MICROSECONDS = 1_000_000;

const microTime: ScalarForm = {
  fromMessage(message) {
    if (message['seconds'] === undefined) return undefined;
    const micros = Math.floor(numberOf(message['nanos']) / 1000);
    if (micros < 0 || micros >= MICROSECONDS) throw new ProtobufError('a fraction of a second is none');
    return `${timeText(message)}.${String(micros).padStart(6, '0')}Z`;
  },
  toMessage(value) {
    const text = String(value);
    const [, digits = ''] = /\.(\d+)/.exec(text) ?? [];
    const seconds = Math.floor(Date.parse(text.replace(/\.\d+/, '')) / 1000);
    return { seconds, nanos: Number(digits.slice(0, 6).padEnd(6, '0')) * 1000 };
  },
};

const quantity: ScalarForm = {
  fromMessage: (message) => message['string'] ?? '0',
  toMessage: (value) => ({ string: String(value) }),
};

const intOrString: ScalarForm = {
  fromMessage: (message) => (numberOf(message['type']) === 1 ? (message['strVal'] ?? '') : numberOf(message['intVal'])),
  toMessage: (value) =>
    typeof value === 'number' ? { type: 0, intVal: value, strVal: '' } : { type: 1, intVal: 0, strVal: String(value) },
};

/** JSON in a message's one field of bytes. */
function embeddedJson(field: string): ScalarForm {
  return {
    fromMessage(message) {
      const raw = rawOf(message[field]);
      if (raw.length === 0) return undefined;
      try {
        return decodeJson(raw);
      } catch (error) {
        throw new ProtobufError((error as Error).message);
      }
    },
    toMessage: (value) => ({ [field]: Buffer.from(JSON.stringify(value)) }),
  };
}

const listOfStrings: ScalarForm = {
  fromMessage: (message) => message['items'] ?? [],
  toMessage: (value) => ({ items: value }),
};

const schemaOrBool: ScalarForm = {
  fromMessage: (message) => message['schema'] ?? message['allows'] === true,
  toMessage: (value) => (typeof value === 'boolean' ? { allows: value } : { allows: true, schema: value }),
};

const schemaOrArray: ScalarForm = {
  fromMessage: (message) => message['jSONSchemas'] ?? message['schema'],
  toMessage: (value) => (Array.isArray(value) ? { jSONSchemas: value } : { schema: value }),
};

const schemaOrStrings: ScalarForm = {
  fromMessage: (message) => message['property'] ?? message['schema'],
  toMessage: (value) => (Array.isArray(value) ? { property: value } : { schema: value }),
};

/** By a message's full name, or by its own where several packages have it. */
export const SCALAR_FORMS: Readonly<Record<string, ScalarForm>> = {
  'meta.v1.Time': time,
  'meta.v1.MicroTime': microTime,
  'meta.v1.FieldsV1': embeddedJson('Raw'),
  'api.resource.Quantity': quantity,
  'util.intstr.IntOrString': intOrString,
  'runtime.RawExtension': embeddedJson('raw'),
  'apiextensions.v1.JSON': embeddedJson('raw'),
  'apiextensions.v1.JSONSchemaPropsOrArray': schemaOrArray,
  'apiextensions.v1.JSONSchemaPropsOrBool': schemaOrBool,
  'apiextensions.v1.JSONSchemaPropsOrStringArray': schemaOrStrings,
  ExtraValue: listOfStrings,
  Verbs: listOfStrings,
};
