// A token service for docker-registry, as small as its protocol allows (distribution `docs/spec/auth/token.md`): over
// HTTPS, GET with basic credentials gives a token for the scopes that the user may have. Takes its configuration as JSON
// in its only argument: {host, port, certificate, privateKey, issuer, service, users: {name: {password, repositories}}};
// certificate and privateKey (P-256) are PEM and also sign the tokens. Prints "ready" once it listens.
import { createPrivateKey, randomUUID, sign, X509Certificate } from 'node:crypto';
import { createServer } from 'node:https';

const { host, port, certificate, privateKey, issuer, service, users } = JSON.parse(process.argv[2]);
const signingKey = createPrivateKey(privateKey);
const x5c = [new X509Certificate(certificate).raw.toString('base64')];

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

function tokenFor(subject, access) {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: issuer,
    sub: subject,
    aud: service,
    nbf: now - 10,
    iat: now,
    exp: now + 300,
    jti: randomUUID(),
  };
  const signed = `${part({ typ: 'JWT', alg: 'ES256', x5c })}.${part({ ...claims, access })}`;
  const signature = sign('sha256', Buffer.from(signed), { key: signingKey, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

/** The user's entry; undefined for wrong credentials. Nobody in particular is the user ''. */
function userOf({ authorization }) {
  if (authorization === undefined) return { name: '', repositories: users['']?.repositories ?? [] };
  const [name, ...password] = Buffer.from(authorization.replace(/^Basic /, ''), 'base64')
    .toString()
    .split(':');
  const user = users[name];
  return user !== undefined && name !== '' && user.password === password.join(':') ? { name, ...user } : undefined;
}

const server = createServer({ cert: certificate, key: privateKey }, (request, response) => {
  if (request.method !== 'GET') {
    // As many do: containerd tries OAuth 2 first, and goes on with GET.
    response.writeHead(405).end();
    return;
  }
  const user = userOf(request.headers);
  const scopes = new URL(request.url, 'https://x').searchParams.getAll('scope');
  const asked = scopes
    .map((scope) => /^repository:([^:]+):pull$/.exec(scope)?.[1])
    .filter((name) => name !== undefined);
  const access = asked
    .filter((name) => user?.repositories.includes(name))
    .map((name) => ({ type: 'repository', name, actions: ['pull'] }));
  response.writeHead(user === undefined ? 401 : 200, { 'content-type': 'application/json' });
  response.end(user === undefined ? '{}' : JSON.stringify({ token: tokenFor(user.name, access) }));
});
server.listen(port, host, () => process.stdout.write('ready\n'));
