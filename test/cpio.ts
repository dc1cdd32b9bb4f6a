/** Archives in the `newc` form of cpio, as Linux takes its first root file system from. */

export interface CpioFile {
  /** Without a leading slash. Its folders are made. */
  path: string;
  content: Uint8Array;
  /** With the file's type, as in `st_mode`. */
  mode: number;
}

const FOLDER_MODE = 0o040755;
const DEVICE_FOLDERS = ['dev', 'root'];

export function cpioArchive(files: readonly CpioFile[]): Buffer {
  const folders = new Set(DEVICE_FOLDERS);
  for (const { path } of files) {
    for (let end = path.indexOf('/'); end > 0; end = path.indexOf('/', end + 1)) folders.add(path.slice(0, end));
  }
  const nothing = Buffer.alloc(0);
  const entries = [
    ...[...folders].sort().map((path) => ({ path, content: nothing, mode: FOLDER_MODE })),
    ...files,
    { path: 'TRAILER!!!', content: nothing, mode: 0 },
  ];
  return Buffer.concat(entries.flatMap((entry, i) => entryOf(entry, i + 1)));
}

function entryOf({ path, content, mode }: CpioFile, inode: number): Uint8Array[] {
  const name = Buffer.from(`${path}\0`);
  const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
  return [padded(Buffer.concat([Buffer.from(header), name])), padded(content)];
}

function padded(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
