// Imported before anything else: an older Node would fail on the first thing that it does not know.
const MINIMUM = 20;
const major = Number(process.versions.node.split('.')[0]);
if (major < MINIMUM) {
  process.stderr.write(
    `nocher: Node ${MINIMUM} or later is needed; this is ${process.versions.node} (${process.execPath})\n`,
  );
  process.exit(1);
}
