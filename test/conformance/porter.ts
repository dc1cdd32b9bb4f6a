/** A pod that answers on several ports, in plain and over TLS, as upstream's test image does (`agnhost porter`). */
import { realClock } from '../../base/clock.ts';
import { createCertificateAuthority, issueCertificate } from '../../base/pki.ts';
import { realRandom } from '../../base/random.ts';
import type { Json } from './conformance.ts';
import { hostCommand, hostMount, hostVolume, podOf } from './pods.ts';

export interface PorterPort {
  port: number;
  body: string;
  /** Of the container's port. */
  name?: string;
  tls?: boolean;
}

const SCRIPT = `const { cert, key, ports, json } = JSON.parse(process.env.PORTER);
for (const { port, body, tls } of ports) {
  const answer = (request, response) => {
    request.resume();
    response.setHeader('content-type', json ? 'application/json' : body[0] === '<' ? 'text/html; charset=utf-8' : 'text/plain');
    response.end(json ? JSON.stringify({ Method: request.method, Body: body }) : body);
  };
  const server = tls ? require('node:https').createServer({ cert, key }, answer) : require('node:http').createServer(answer);
  server.listen(port);
}`;

/** Ready when its first port answers. With `json`, it tells the method that it was asked with. */
export async function porterPod(
  name: string,
  { labels, ports, json = false }: { labels: Json; ports: readonly PorterPort[]; json?: boolean },
): Promise<Json> {
  const nowMs = realClock.now();
  const issuance = { nowMs, notAfterMs: nowMs + 3_600_000, random: realRandom };
  const ca = await createCertificateAuthority({ commonName: 'porter', ...issuance });
  const { certificate: cert, privateKey: key } = await issueCertificate({
    ca,
    commonName: 'porter',
    usages: ['server'],
    ...issuance,
  });
  const named = ports.filter((one) => one.name !== undefined);
  const container = {
    command: hostCommand(process.execPath, '-e', SCRIPT),
    env: [{ name: 'PORTER', value: JSON.stringify({ cert, key, ports, json }) }],
    ports: named.map((one) => ({ name: one.name, containerPort: one.port })),
    readinessProbe: { httpGet: { port: ports[0]!.port }, periodSeconds: 1 },
    volumeMounts: [hostMount],
    securityContext: { privileged: true },
  };
  return podOf(name, container, { metadata: { labels }, volumes: [hostVolume] });
}
