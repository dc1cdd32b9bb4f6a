/** Tokens from a file, one user a line: `token,user,uid,"group1,group2"` (apiserver `pkg/authentication/token/tokenfile`). */
import { createHash } from 'node:crypto';
import type { UserInfo } from '../../api/machinery/handler.ts';
import type { TokenAuthenticator } from './bearer-token.ts';
import { AUTHENTICATED_GROUP } from './service-account-claims.ts';

/** Throws on a line that is no token line; the message does not hold the line. Such tokens are good for any audience. */
export function staticTokenAuthenticator(text: string): TokenAuthenticator {
  const users = new Map<string, UserInfo>();
  text.split(/\r?\n/).forEach((line, index) => {
    if (line.trim() === '' || line.startsWith('#')) return;
    const [token = '', name = '', uid = '', groups = ''] = fieldsOf(line, index + 1);
    if (token === '') throw new Error(`token file, line ${index + 1}: the token is empty`);
    users.set(digest(token), {
      name,
      uid,
      groups: [...groups.split(',').filter((group) => group !== ''), AUTHENTICATED_GROUP],
    });
  });
  return (token, audiences) => {
    // Looked up by hash, so that the time it takes says nothing about the tokens.
    const user = users.get(digest(token));
    return user === undefined ? undefined : { user, audiences };
  };
}

function digest(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}

/** Fields of one CSV line; a quoted field may hold commas and doubled quotes. */
function fieldsOf(line: string, number: number): string[] {
  const fields: string[] = [];
  const field = /\s*(?:"((?:[^"]|"")*)"|([^",]*))\s*(,|$)/y;
  for (;;) {
    const match = field.exec(line);
    if (match === null) throw new Error(`token file, line ${number}: a quoted field is not closed`);
    fields.push((match[1]?.replaceAll('""', '"') ?? match[2] ?? '').trim());
    if (match[3] === '') break;
  }
  if (fields.length < 3) {
    throw new Error(
      `token file, line ${number}: must have at least 3 columns (token, user name, user uid), found ${fields.length}`,
    );
  }
  return fields;
}
