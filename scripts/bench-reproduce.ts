/**
 * The replay of a bundle of 5 MiB, from the start of kptool to its answer, against `tar -xzf` of the same file. The bundle is
 * fixtures/bundles/data-initial-value, whose step takes next to no time, with bytes added that nothing can pack.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { readBundle } from '../src/pipeline/bundle/read-bundle.js';
import { packArchive } from '../src/system/tar-archive.js';
import { median } from './bench-clock.js';

const rounds = 5;
const fillerBytes = 5 * 2 ** 20;
const say = (text: string) => process.stdout.write(`${text}\n`);

const folder = mkdtempSync(join(tmpdir(), 'kptool-bench-reproduce-'));
try {
  const file = join(folder, 'bundle.tar.gz');
  writeFileSync(file, await largeBundle());
  const times = { kptool: [] as number[], tar: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    times.kptool.push(await timed('node', ['dist/main.js', 'reproduce', file]));
    times.tar.push(await timed('tar', ['-xzf', file, '-C', folder]));
  }
  const [replay, unpacking] = [median(times.kptool), median(times.tar)];
  const bare = median([
    await timed('node', ['-e', '0']),
    await timed('node', ['-e', '0']),
    await timed('node', ['-e', '0']),
  ]);
  say(
    `reproduce ${milliseconds(replay)}, of which Node's start ${milliseconds(bare)}; tar -xzf ${milliseconds(unpacking)}`,
  );
  say(`ratio ${(replay / unpacking).toFixed(1)}, without Node's start ${((replay - bare) / unpacking).toFixed(1)}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function largeBundle(): Promise<Buffer> {
  const { manifest, files } = await readBundle('fixtures/bundles/data-initial-value.tar.gz');
  const filler = randomBytes(fillerBytes);
  const hashes = { ...manifest.hashes, filler: createHash('sha256').update(filler).digest('hex') };
  const text = Buffer.from(JSON.stringify({ ...manifest, hashes }));
  return packArchive(new Map([...files, ['filler', filler], ['manifest.json', text]]));
}

/** Seconds of wall time. Throws where the program fails. */
async function timed(program: string, words: readonly string[]): Promise<number> {
  const start = performance.now();
  await execa(program, [...words], { stdout: 'ignore' });
  return (performance.now() - start) / 1000;
}

function milliseconds(seconds: number): string {
  return `${Math.round(seconds * 1000)} ms`;
}
