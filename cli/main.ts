/** The command line: what each command is, with its flags; the work is loaded when the command runs. */
import { Command, Option } from 'commander';
import { defaultDataDir, UsageError } from './config.ts';
import type { UpFlags } from './config.ts';

const HELP = `
Examples:
  nocher up                      a one-node cluster in the foreground; Ctrl-C stops it, pods too
  nocher up -d --demo            the same in the background, with an example to look at
  nocher kubectl get pods -A     kubectl with this cluster's kubeconfig
  nocher down --purge            stop it and delete its data
`;

function dataDirOption(): Option {
  return new Option('--data-dir <folder>', 'where the cluster lives').default(defaultDataDir());
}

function upCommand(): Command {
  return new Command('up')
    .description('start a cluster with one node')
    .addOption(dataDirOption())
    .option('-d, --detach', 'in the background; returns once the node is Ready')
    .option('--demo', 'apply the hello example')
    .option('--keep-pods', 'leave the pods running when stopped')
    .option('--api-port <port>', 'port of the API server (default: 6443, or a free one; 0: any)')
    .option('--kubelet-port <port>', "port of the node's API (default: 10250, or a free one; 0: any)")
    .option('--bind-address <address>', 'address that the API server listens on', '127.0.0.1')
    .option('--node-name <name>', "the node's name (default: the host's)")
    .option('--storage <store>', 'lmdb or memory', 'lmdb')
    .option('--runtime <runtime>', 'native, simulated or none (default: native as root)')
    .option('--pod-cidr <range>', 'addresses of pods (default: 10.244.0.0/16, or a free one)')
    .option('--service-cidr <range>', 'addresses of Services (default: 10.96.0.0/16, or a free one)')
    .option('--registry-mirror <url...>', 'asked before Docker Hub')
    .option('--insecure-registry <host...>', 'registries that are spoken to over plain HTTP')
    .option('--simulated-nodes <count>', 'further nodes whose pods only pretend to run; beside real pods only for those that tolerate the taint nocher.io/simulated', '0')
    .option('-v, --verbose', 'write the log to standard error as well')
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
      .description('the state of the cluster and its node')
      .addOption(dataDirOption())
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
      .passThroughOptions()
      .argument('[arguments...]')
      .action(async (args: string[], flags: UpFlags) => (await import('./kubectl.ts')).kubectl(args, flags)),
  ];
}

function imageCommand(): Command {
  const image = new Command('image').description('images on this node, without a registry');
  image
    .command('load')
    .description('load an OCI or Docker archive')
    .argument('<file>')
    .addOption(dataDirOption())
    .action(async (file: string, flags: UpFlags) => (await import('./image.ts')).loadImage(file, flags));
  image.command('ls').description('list images').addOption(dataDirOption()).action(async (flags: UpFlags) => (await import('./image.ts')).listImages(flags));
  image
    .command('rm')
    .description('remove an image')
    .argument('<image>')
    .addOption(dataDirOption())
    .action(async (name: string, flags: UpFlags) => (await import('./image.ts')).removeImage(name, flags));
  return image;
}

function program(): Command {
  const root = new Command('nocher')
    .description('Kubernetes for people who want the API and not the weight.')
    .enablePositionalOptions()
    .addHelpText('after', HELP)
    .showHelpAfterError('(nocher --help lists the commands)');
  root.addCommand(upCommand());
  root.addCommand(downCommand());
  for (const command of readCommands()) root.addCommand(command);
  root.addCommand(imageCommand());
  return root;
}

/** One line for what the user can mend; the whole trace for what only we can. */
function report(error: unknown): void {
  const isOurs = !(error instanceof UsageError);
  const text = error instanceof Error ? (isOurs ? (error.stack ?? error.message) : error.message) : String(error);
  process.stderr.write(`nocher: ${text}\n`);
}

try {
  await program().parseAsync();
} catch (error) {
  report(error);
  // What a start that failed half-way has opened must not keep the process.
  process.exit(1);
}
