/**
 * An API server of its own, as upstream's sample-apiserver: `flunders` of a wardle group, kept in memory, for callers
 * whom the front proxy vouches for. Plain JavaScript: it runs in a cluster's network namespace, in a process of its own.
 *
 *   node sample-api-server.mjs FOLDER GROUP      (tls.crt, tls.key and front-proxy-ca.crt in the folder)
 *
 * Prints `{"address": …, "port": …}` when it listens. `GET …/requests` is answered with who has asked for what.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const [folder, group] = process.argv.slice(2);
const read = (name) => readFileSync(join(folder, name), 'utf8');
const groupVersion = `${group}/v1alpha1`;
const base = `/apis/${groupVersion}`;

const flunders = new Map();
const watchers = new Set();
let revision = 1;

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const DISCOVERY = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion,
  resources: [{ name: 'flunders', singularName: 'flunder', namespaced: true, kind: 'Flunder', verbs }],
};

const status = (code, reason, message) => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: code < 300 ? 'Success' : 'Failure',
  reason,
  message,
  code,
});

function send(response, code, value) {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}

function tell(type, object) {
  for (const { namespace, response } of watchers) {
    if (namespace !== undefined && namespace !== object.metadata.namespace) continue;
    response.write(`${JSON.stringify({ type, object })}\n`);
  }
}

function store(namespace, name, object, type) {
  const key = `${namespace}/${name}`;
  const before = flunders.get(key);
  const metadata = {
    ...object.metadata,
    name,
    namespace,
    uid: before?.metadata.uid ?? `flunder-${revision}`,
    creationTimestamp: before?.metadata.creationTimestamp ?? new Date().toISOString().replace(/\.\d+/, ''),
    resourceVersion: String(++revision),
  };
  const stored = { ...object, apiVersion: groupVersion, kind: 'Flunder', metadata };
  flunders.set(key, stored);
  tell(type, stored);
  return stored;
}

function remove(object) {
  flunders.delete(`${object.metadata.namespace}/${object.metadata.name}`);
  revision++;
  tell('DELETED', object);
}

/** As much of a label selector as `a=b,c=d`. */
function selected({ metadata }, selector) {
  const wanted = selector === '' ? [] : selector.split(',').map((one) => one.split(/==?/));
  return wanted.every(([key, value]) => metadata.labels?.[key] === value);
}

function merge(target, patch) {
  if (patch === null || typeof patch !== 'object' || Array.isArray(patch)) return patch;
  const result = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merge(result[key] ?? {}, value);
  }
  return result;
}

function answerCollection(request, response, { namespace, query, body }) {
  const found = [...flunders.values()].filter(
    (object) =>
      (namespace === undefined || object.metadata.namespace === namespace) &&
      selected(object, query.get('labelSelector') ?? ''),
  );
  if (request.method === 'POST') {
    const { name } = body.metadata;
    if (flunders.has(`${namespace}/${name}`))
      return send(response, 409, status(409, 'AlreadyExists', `flunders.${group} "${name}" already exists`));
    return send(response, 201, store(namespace, name, body, 'ADDED'));
  }
  if (request.method === 'DELETE') {
    found.forEach(remove);
    return send(response, 200, status(200));
  }
  if (query.get('sendInitialEvents') === 'true')
    return send(response, 422, status(422, 'Invalid', 'sendInitialEvents is forbidden'));
  if (query.get('watch') !== null) {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const watcher = { namespace, response };
    watchers.add(watcher);
    response.on('close', () => watchers.delete(watcher));
    return undefined;
  }
  return send(response, 200, {
    kind: 'FlunderList',
    apiVersion: groupVersion,
    metadata: { resourceVersion: String(revision) },
    items: found,
  });
}

function answerObject(request, response, { namespace, name, body }) {
  const found = flunders.get(`${namespace}/${name}`);
  if (found === undefined) return send(response, 404, status(404, 'NotFound', `flunders.${group} "${name}" not found`));
  switch (request.method) {
    case 'PUT':
      return send(response, 200, store(namespace, name, body, 'MODIFIED'));
    case 'PATCH':
      return send(response, 200, store(namespace, name, merge(found, body), 'MODIFIED'));
    case 'DELETE':
      remove(found);
      return send(response, 200, status(200));
    default:
      return send(response, 200, found);
  }
}

const requests = [];

async function answer(request, response) {
  const { pathname, searchParams: query } = new URL(request.url, 'https://sample');
  const user = request.headers['x-remote-user'];
  const caller = request.socket.getPeerCertificate().subject.CN;
  const content = await text(request);
  requests.push({ caller, user, method: request.method, path: pathname });
  if (pathname === base) return send(response, 200, DISCOVERY);
  if (pathname === `${base}/requests`) return send(response, 200, { requests });
  const match = /^(?:\/namespaces\/([^/]+))?\/flunders(?:\/([^/]+))?$/.exec(pathname.slice(base.length));
  if (!pathname.startsWith(base) || match === null)
    return send(response, 404, status(404, 'NotFound', 'the server could not find the requested resource'));
  const [, namespace, name] = match;
  const asked = { namespace, name, query, body: content === '' ? undefined : JSON.parse(content) };
  return name === undefined ? answerCollection(request, response, asked) : answerObject(request, response, asked);
}

const server = createServer(
  {
    cert: read('tls.crt'),
    key: read('tls.key'),
    ca: read('front-proxy-ca.crt'),
    requestCert: true,
    rejectUnauthorized: true,
  },
  (request, response) => {
    answer(request, response).catch((error) => send(response, 500, status(500, 'InternalError', String(error))));
  },
);
server.listen(0, '0.0.0.0', () => {
  const all = Object.values(networkInterfaces()).flat();
  const { address } = all.find((one) => !one.internal && one.family === 'IPv4');
  process.stdout.write(`${JSON.stringify({ address, port: server.address().port })}\n`);
});
