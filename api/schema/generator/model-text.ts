/**
 * Reads one model of the client package as text: its attribute table (`.js`) and its declaration (`.d.ts`).
 * Whatever it does not know is an error, so that a new release of the package cannot slip by half-read.
 */
export interface ModelField {
  /** The name in JSON. */
  name: string;
  /** `string`, `Array<V1Container>`, `{ [key: string]: string; }` … */
  type: string;
  format: string;
  required: boolean;
  description: string;
}

export interface Model {
  name: string;
  description: string;
  fields: ModelField[];
}

interface Attribute {
  name: string;
  baseName: string;
  type: string;
  format: string;
}

interface Declaration {
  required: boolean;
  description: string;
}

/** `script` and `declaration` are the texts of `<name>.js` and `<name>.d.ts`; throws on text that it does not know. */
export function readModel(name: string, { script, declaration }: { script: string; declaration: string }): Model {
  const attributes = readAttributes(name, script);
  const { description, members } = readDeclaration(name, declaration);
  const fields = attributes.map((attribute): ModelField => {
    const member = members.get(attribute.name);
    if (member === undefined) throw new Error(`${name}.d.ts does not declare ${attribute.name}`);
    members.delete(attribute.name);
    const { baseName, type, format } = attribute;
    return { name: baseName, type, format, ...member };
  });
  if (members.size > 0) throw new Error(`${name}.js has no attribute ${[...members.keys()].join(', ')}`);
  return { name, description, fields };
}

/** The names of the models in use, from the text of `all.d.ts` (the folder also holds models of older releases). */
export function readModelNames(text: string): string[] {
  const names: string[] = [];
  for (const line of text.split('\n')) {
    const match = /^export \* from '\.\.\/models\/(\w+)\.js';?$/.exec(line.trim());
    if (match !== null) names.push(match[1]!);
    else if (line.startsWith('export')) throw new Error(`all.d.ts: unknown line ${JSON.stringify(line)}`);
  }
  if (names.length === 0) throw new Error('all.d.ts names no model');
  return names;
}

function readAttributes(name: string, script: string): Attribute[] {
  const opening = `${name}.attributeTypeMap = [`;
  const start = script.indexOf(opening);
  const end = script.indexOf('];', start);
  if (start < 0 || end < 0) throw new Error(`${name}.js has no attribute table`);
  const table = JSON.parse(script.slice(start + opening.length - 1, end + 1)) as Attribute[];
  for (const attribute of table) {
    const keys = Object.keys(attribute).join();
    if (keys !== 'name,baseName,type,format') throw new Error(`${name}.js: unknown attribute form ${keys}`);
  }
  return table;
}

const INDENT = '    ';
const MEMBER = /^'([^']+)'(\??): (.*)$/;

/** The instance members of a class; the statics that follow them are the same in every model and are left out. */
function readDeclaration(name: string, text: string): { description: string; members: Map<string, Declaration> } {
  const lines = text.split('\n');
  const opening = lines.indexOf(`export declare class ${name} {`);
  if (opening < 0) throw new Error(`${name}.d.ts declares no class ${name}`);
  const members = new Map<string, Declaration>();
  let comment: string[] = [];
  for (let at = opening + 1; at < lines.length; at++) {
    const line = lines[at]!;
    const body = line.slice(INDENT.length);
    if (body.startsWith('static readonly discriminator')) {
      return { description: readClassComment(lines.slice(0, opening)), members };
    }
    const member = MEMBER.exec(body);
    if (member !== null) {
      members.set(member[1]!, { required: member[2] === '', description: unescapeText(comment.join('\n')) });
      comment = [];
      if (member[3] === '{') at = lines.indexOf(`${INDENT}};`, at);
    } else if (body.startsWith('* ')) comment.push(body.slice(2));
    else if (body !== '/**' && body !== '*/' && body !== '*') {
      throw new Error(`${name}.d.ts: unknown line ${JSON.stringify(line)}`);
    }
  }
  throw new Error(`${name}.d.ts ends before its class does`);
}

function readClassComment(lines: readonly string[]): string {
  const start = lines.lastIndexOf('/**');
  if (start <= 0) return '';
  const text = lines.slice(start + 1).filter((line) => line.startsWith('* '));
  return unescapeText(text.map((line) => line.slice(2)).join('\n'));
}

/** The package writes quotes and backslashes of the original text with a backslash before them. */
function unescapeText(text: string): string {
  return text.replace(/\\(["'\\`])/g, '$1').replace(/\*_\//g, '*/');
}
