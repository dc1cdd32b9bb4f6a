/**
 * Stand-ins for the images of the walkthroughs' pets application, which nobody serves any more: a page on port 3000
 * that names its version, `/pet` with an address from the database on `db:5432`, and that database, whose addresses
 * lie in its volume.
 */
import type { SampleImage, TarMember } from '../../kubelet/images/sample-image.ts';
import { ociArchive, sampleImage } from '../../kubelet/images/sample-image.ts';
import { busyboxLayer, loadImage } from './busybox-image.ts';
import type { Cluster } from './harness.ts';

const APPLETS = ['sh', 'sleep', 'nc', 'cat', 'echo', 'mkdir', 'tail', 'seq', 'head', 'ls', 'env', 'kill', 'wget'];

/** Serves each connection by a program, and ends at once when it is asked to. */
const serve = (port: number): string =>
  `nc -ll -p ${port} -e /bin/answer & trap 'kill $!; exit 0' TERM; wait $!; exit 1`;

const web = (page: string): string => `#!/bin/sh
read method path rest
body='${page}'
case $path in /pet) body=$(nc -w 5 db 5432 </dev/null) ;; esac
echo "HTTP/1.1 200 OK\r
Connection: close\r
Content-Length: $((\${#body} + 1))\r
\r
$body"
`;

const FOLDER = '/var/lib/postgresql/data';
const DATABASE = `#!/bin/sh
tail -n 1 ${FOLDER}/cats
`;
const START_DATABASE = `mkdir -p ${FOLDER}; cd ${FOLDER}
[ -e cats ] || for i in $(seq 12); do echo "https://example.com/cat-$i.jpg" >>cats; done
${serve(5432)}`;

function image(answer: string, command: string): Promise<SampleImage> {
  const layer: TarMember[] = [...busyboxLayer(APPLETS), { name: 'bin/answer', mode: 0o755, content: answer }];
  return sampleImage([layer], { Env: ['PATH=/bin'], Entrypoint: ['sh', '-c'], Cmd: [command] });
}

const NGINX = `#!/bin/sh
read method path rest
echo "HTTP/1.1 200 OK\r
Connection: close\r
\r
<h1>Welcome to nginx!</h1>"
`;

const REPOSITORY = 'appswithdockerandkubernetes';

/** Loads ch08-web:1.0, ch11-web:2.0, ch08-db:1.0 and nginx:alpine. Needs busybox-static on the machine. */
export async function loadPetsImages(cluster: Cluster): Promise<void> {
  const images: [string, SampleImage][] = [
    [`${REPOSITORY}/ch08-web:1.0`, await image(web('Pets Demo Application'), serve(3000))],
    [`${REPOSITORY}/ch11-web:2.0`, await image(web('Pets Demo Application v2'), serve(3000))],
    [`${REPOSITORY}/ch08-db:1.0`, await image(DATABASE, START_DATABASE)],
    ['library/nginx:alpine', await image(NGINX, serve(80))],
  ];
  for (const [name, content] of images) {
    await loadImage(cluster, await ociArchive(content, `docker.io/${name}`));
  }
}
