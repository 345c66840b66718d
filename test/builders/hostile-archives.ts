/** Archives as somebody would make them who means harm: each claims what no bundle of kptool's holds. */
import { gzipSync } from 'node:zlib';
import { Header, Pax } from 'tar';

type Entry = ConstructorParameters<typeof Header>[0] & { readonly content?: string; readonly pax?: object };

/** The blocks of one entry; what its header claims is not held against its content. */
export function entryBlocks({ content = '', pax, ...facts }: Entry & object): Buffer {
  const header = new Header({ mode: 0o644, mtime: new Date(0), type: 'File', size: content.length, ...facts });
  const extended = pax === undefined ? [] : [new Pax(pax).encode()];
  header.encode();
  const padding = Buffer.alloc(-content.length & 511);
  return Buffer.concat([...extended, header.block ?? Buffer.alloc(512), Buffer.from(content), padding]);
}

export function archiveOf(...blocks: readonly Buffer[]): Buffer {
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}

const harmless = entryBlocks({ path: 'manifest.json', content: '{}' });
const behind = (entry: Parameters<typeof entryBlocks>[0]) => () => archiveOf(harmless, entryBlocks(entry));

/** GNU tar's header for a sparse file: type `S`, its real size at 483 (tar/sparse.c, oldgnu). */
function sparseClaim(): Buffer {
  const blocks = entryBlocks({ path: 'sparse.bin', size: 512, content: 'x'.repeat(512) });
  blocks.write('S', 156);
  blocks.write('00000120000000000\0'.slice(-12), 483, 'latin1');
  return withChecksum(blocks);
}

function withChecksum(blocks: Buffer): Buffer {
  blocks.fill(' ', 148, 156);
  const sum = blocks.subarray(0, 512).reduce((all, byte) => all + byte, 0);
  blocks.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return blocks;
}

/** By what is wrong with them; made when asked for, since some are large. */
export const hostileArchives: Readonly<Record<string, () => Buffer>> = {
  'a path that leaves the folder': behind({ path: '../evil', content: 'x' }),
  'a path that leaves it further in': behind({ path: 'a/../../evil', content: 'x' }),
  'an absolute path': behind({ path: '/tmp/kptool-evil', content: 'x' }),
  'an absolute path in an extended header': behind({ path: 'a', content: 'x', pax: { path: '/tmp/kptool-evil' } }),
  'a path with a newline': behind({ path: 'a\nb', content: 'x' }),
  'a path with a backslash': behind({ path: '..\\evil', content: 'x' }),
  'a path that is too long': behind({ path: 'a', content: 'x', pax: { path: 'x/'.repeat(3000) } }),
  'a symbolic link': behind({ path: 'link', type: 'SymbolicLink', linkpath: '/etc', size: 0 }),
  'a file behind a symbolic link': () =>
    archiveOf(
      harmless,
      entryBlocks({ path: 'link', type: 'SymbolicLink', linkpath: '/tmp', size: 0 }),
      entryBlocks({ path: 'link/kptool-evil', content: 'x' }),
    ),
  'a hard link': behind({ path: 'link', type: 'Link', linkpath: '/etc/passwd', size: 0 }),
  'a character device': behind({ path: 'null', type: 'CharacterDevice', devmaj: 1, devmin: 3, size: 0 }),
  'a block device': behind({ path: 'disk', type: 'BlockDevice', devmaj: 8, devmin: 0, size: 0 }),
  'a pipe': behind({ path: 'pipe', type: 'FIFO', size: 0 }),
  'a folder': behind({ path: 'folder/', type: 'Directory', size: 0 }),
  'the same path twice': () => archiveOf(harmless, harmless),
  'a file that is a folder too': () =>
    archiveOf(entryBlocks({ path: 'a', content: 'x' }), entryBlocks({ path: 'a/b', content: 'x' })),
  'a folder that is a file too': () =>
    archiveOf(entryBlocks({ path: 'a/b', content: 'x' }), entryBlocks({ path: 'a', content: 'x' })),
  'a claim of 10 GiB': behind({ path: 'huge.bin', size: 10 * 2 ** 30 }),
  'a claim of 10 GiB in an extended header': behind({ path: 'huge.bin', pax: { size: 10 * 2 ** 30 } }),
  'a sparse claim of 10 GiB': () => archiveOf(harmless, sparseClaim()),
  'a sparse claim of 10 GiB in an extended header': () => {
    const record = '40 GNU.sparse.realsize=10737418240123456\n'.replace('123456', '');
    const sized = `${record.length}${record.slice(2)}`;
    return archiveOf(
      harmless,
      entryBlocks({ path: 'PaxHeader/s', type: 'ExtendedHeader', content: sized }),
      entryBlocks({ path: '/s', content: 'x' }),
    );
  },
  // The limits are 20,000 entries and 256 MiB: little more shows as much, sooner.
  '25,000 entries': () => gzipSync(Buffer.concat(Array.from({ length: 25_000 }, (_, number) => smallEntry(number)))),
  '320 MiB of zeros': () => Buffer.concat(fiveTimes(gzipSync(Buffer.alloc(2 ** 26), { level: 1 }))),
  'an extended header of 300 MiB': () => {
    const head = entryBlocks({ path: 'PaxHeader/a', type: 'ExtendedHeader', size: 300 * 2 ** 20 });
    return Buffer.concat([gzipSync(head), ...fiveTimes(gzipSync(Buffer.alloc(2 ** 26, 'a'), { level: 1 }))]);
  },
  'an archive that is cut off': () => archiveOf(harmless).subarray(0, 60),
  'an entry that is cut off': () => gzipSync(harmless.subarray(0, 520)),
  'a broken checksum': () => {
    const blocks = Buffer.from(harmless);
    blocks.write('9', 0);
    return archiveOf(blocks);
  },
  'a packed archive in a packed archive': () => gzipSync(archiveOf(harmless)),
  'no archive': () => gzipSync(Buffer.from('no archive')),
  nothing: () => Buffer.alloc(0),
};

function fiveTimes(member: Buffer): Buffer[] {
  return new Array<Buffer>(5).fill(member);
}

const template = entryBlocks({ path: 'e000000' });

function smallEntry(number: number): Buffer {
  const blocks = Buffer.from(template);
  blocks.write(`e${String(number).padStart(6, '0')}`, 0, 'latin1');
  return withChecksum(blocks);
}
