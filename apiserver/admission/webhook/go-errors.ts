/** Failures of a connection and of an HTTP server as Go's client words them (client-go, apimachinery `api/errors`). */
import type { PeerCertificate } from 'node:tls';

interface Dialled {
  host: string;
  port: number;
  serverName: string;
}

const UNTRUSTED = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_SIGNATURE_FAILURE',
  'INVALID_CA',
]);

const VERIFY = 'tls: failed to verify certificate: x509: ';

/** What stands behind `Post "https://…": `. */
export function networkProblem(error: NodeJS.ErrnoException, dialled: Dialled): string {
  const { code = '', message } = error;
  const { host, port } = dialled;
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  if (code === 'ECONNREFUSED') return `dial tcp ${address}: connect: connection refused`;
  if (code === 'EHOSTUNREACH') return `dial tcp ${address}: connect: no route to host`;
  if (code === 'ENETUNREACH') return `dial tcp ${address}: connect: network is unreachable`;
  if (code === 'ETIMEDOUT') return `dial tcp ${address}: connect: connection timed out`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `dial tcp: lookup ${host}: no such host`;
  if (code === 'ECONNRESET') return message === 'socket hang up' ? 'EOF' : 'read: connection reset by peer';
  if (UNTRUSTED.has(code)) return `${VERIFY}certificate signed by unknown authority`;
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return `${VERIFY}certificate has expired or is not yet valid`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return VERIFY + otherName(error as { cert?: PeerCertificate }, dialled);
  return message;
}

function otherName({ cert }: { cert?: PeerCertificate }, { host, serverName }: Dialled): string {
  const wanted = serverName || host;
  const names = (cert?.subjectaltname ?? '').split(', ').map((name) => name.replace(/^(DNS|IP Address):/, ''));
  const held = names.filter((name) => name !== '').join(', ');
  if (held !== '') return `certificate is valid for ${held}, not ${wanted}`;
  return serverName === '' && /^[\d.:a-fA-F]+$/.test(host)
    ? `cannot validate certificate for ${host} because it doesn't contain any IP SANs`
    : `certificate is not valid for any names, but wanted to match ${wanted}`;
}

const MESSAGES: Readonly<Record<number, string>> = {
  400: 'the server rejected our request for an unknown reason',
  401: 'the server has asked for the client to provide credentials',
  404: 'the server could not find the requested resource',
  405: 'the server does not allow this method on the requested resource',
  406: 'the server was unable to respond with a content type that the client supports',
  409: 'the server reported a conflict',
  413: 'the server responded with the status code 413 but did not return more information',
  415: 'the server was unable to accept the content type of the request',
  422: 'the server rejected our request due to an error in our request',
  429: 'the server has received too many requests and has asked us to try again later',
  503: 'the server is currently unable to handle the request',
  504: 'the server was unable to return a response in the time allotted, but may still be processing the request',
};
const SHOWN_BODY = 2048;

/** `NewGenericServerResponse`, or the message of the Status that the body is. */
export function serverProblem(code: number, body: string): string {
  const shown = body.slice(0, SHOWN_BODY).trim();
  const status = statusMessage(body);
  if (status !== '') return status;
  if (code === 403) return shown || 'the server does not allow access to the requested resource';
  const message = MESSAGES[code];
  if (message !== undefined) return message;
  if (code >= 500)
    return `an error on the server (${JSON.stringify(shown || 'unknown')}) has prevented the request from succeeding`;
  return `the server responded with the status code ${code} but did not return more information`;
}

function statusMessage(body: string): string {
  try {
    const { kind, message } = JSON.parse(body) as { kind?: unknown; message?: unknown };
    return kind === 'Status' && typeof message === 'string' ? message : '';
  } catch {
    return '';
  }
}
