/**
 * A target module in every form in which it can be installed: compressed as the kernel's `make modules_install` does it,
 * signed, stripped. Each must give the symbols of the module itself; and what cannot be read must be said.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { readModuleFile } from '../../src/kernel/module-file.js';
import { tableOfImage } from '../../src/lookup/symbol-table.js';
import { hasProgram } from '../builders/readelf.js';

const missing = ['gcc', 'ld', 'strip', 'xz', 'zstd'].filter((name) => !hasProgram(name));

const SOURCE = `
static const char name[] __attribute__((used, section(".modinfo"))) = "name=toy";
static const char magic[] __attribute__((used, section(".modinfo"))) = "vermagic=6.1.0-1-amd64 SMP preempt mod_unload";
static int state;
static __attribute__((noinline)) int helper(int x) { return state += x; }
int toy_send(int x) { return helper(x) + helper(x + 1); }
const void *const entry __attribute__((used, section("__ksymtab"))) = toy_send;
asm(".globl __ksymtab_toy_send\\n__ksymtab_toy_send = entry");
`;
const OTHER =
  'static int state; static __attribute__((noinline)) int helper(int x) { return state -= x; } int other(int x) { return helper(x) + 2; }\n';

/** What scripts/sign-file of the kernel appends: the message, `struct module_signature` (12 bytes, length last), the magic. */
function signed(module: Buffer): Buffer {
  const message = Buffer.alloc(400, 0x30);
  const signature = Buffer.alloc(12);
  signature[2] = 2;
  signature.writeUInt32BE(message.length, 8);
  return Buffer.concat([module, message, signature, Buffer.from('~Module signature appended~\n')]);
}

type Pack = (bytes: Buffer, folder: string) => Buffer;

const run =
  (program: string, ...options: string[]): Pack =>
  (bytes, folder) => {
    const file = join(folder, 'to-pack');
    writeFileSync(file, bytes);
    return execFileSync(program, [...options, '--stdout', file]);
  };

/** Options as scripts/Makefile.modinst has them. */
const PACKED: Readonly<Record<string, Pack>> = {
  '.ko': (bytes) => bytes,
  '.ko.gz': (bytes) => gzipSync(bytes),
  '.ko.xz': run('xz', '--check=crc32', '--lzma2=dict=1MiB'),
  '.ko.zst': run('zstd', '-q', '--ultra', '-22'),
};

describe.skipIf(missing.length > 0)(`with compilers and packers (missing: ${missing.join(', ') || 'nothing'})`, () => {
  let folder = '';
  const plain = { whole: Buffer.alloc(0), stripped: Buffer.alloc(0) };
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'kptool-modules-'));
    writeFileSync(join(folder, 'toy.c'), SOURCE);
    writeFileSync(join(folder, 'other.c'), OTHER);
    execFileSync('gcc', ['-c', '-O2', '-g', '-fno-pie', 'toy.c', 'other.c'], { cwd: folder });
    execFileSync('ld', ['-r', '-o', 'toy.ko', 'toy.o', 'other.o'], { cwd: folder });
    plain.whole = readFileSync(join(folder, 'toy.ko'));
    execFileSync('strip', ['--strip-debug', 'toy.ko'], { cwd: folder });
    plain.stripped = readFileSync(join(folder, 'toy.ko'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const environment = { PATH: process.env.PATH, TMPDIR: process.env.TMPDIR };
  afterEach(() => {
    for (const [name, value] of Object.entries(environment)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  const write = (name: string, bytes: Uint8Array) => {
    const file = join(folder, name);
    writeFileSync(file, bytes);
    return file;
  };

  const forms = Object.keys(PACKED).flatMap((suffix) =>
    (['whole', 'stripped'] as const).flatMap((kind) => [false, true].map((isSigned) => ({ suffix, kind, isSigned }))),
  );

  test.each(forms)('$suffix, $kind, signed: $isSigned', async ({ suffix, kind, isSigned }) => {
    const bytes = PACKED[suffix]?.(isSigned ? signed(plain[kind]) : plain[kind], folder) ?? Buffer.alloc(0);
    expect(bytes.equals(plain[kind])).toBe(suffix === '.ko' && !isSigned);
    const module = await readModuleFile(write(`toy${suffix}`, bytes));
    expect(module).toMatchObject({ name: 'toy', release: '6.1.0-1-amd64', isStripped: kind === 'stripped' });
    expect([...module.exports]).toEqual(['toy_send']);
    const table = tableOfImage(module.image);
    const reference = tableOfImage((await readModuleFile(write('reference.ko', plain[kind]))).image);
    expect(table.symbols).toEqual(reference.symbols);
    expect(table.named('helper').map(({ file }) => file?.name)).toEqual(
      kind === 'whole' ? ['toy.c', 'other.c'] : [undefined, undefined],
    );
    expect(table.sections).toEqual(reference.sections);
    expect([...(table.sections ?? [])].some((name) => name.startsWith('.debug'))).toBe(kind === 'whole');
  });

  test.each(Object.keys(PACKED))('%s: a cut-off file is refused, and nothing stays behind', async (suffix) => {
    const own = join(folder, 'temporary');
    mkdirSync(own, { recursive: true });
    process.env.TMPDIR = own;
    const bytes = PACKED[suffix]?.(plain.whole, folder) ?? Buffer.alloc(0);
    const reading = readModuleFile(write(`cut${suffix}`, bytes.subarray(0, bytes.length >> 1)));
    await expect(reading).rejects.toThrow(
      suffix === '.ko' ? /\[elf-[a-z-]+\]/ : /does not unpack.*\[module-malformed\]/s,
    );
    expect(readdirSync(own)).toEqual([]);
  });

  test.each([
    ['.ko.xz', 'xz', 'xz-utils'],
    ['.ko.zst', 'zstd', 'zstd'],
  ])('%s without %s: the program is named, and the package', async (suffix, program, packageName) => {
    const file = write(`toy${suffix}`, PACKED[suffix]?.(plain.whole, folder) ?? Buffer.alloc(0));
    const empty = join(folder, 'no-programs');
    mkdirSync(empty, { recursive: true });
    chmodSync(empty, 0o755);
    process.env.PATH = empty;
    const reading = readModuleFile(file);
    await expect(reading).rejects.toThrow(/\[program-missing\]/);
    await expect(reading).rejects.toMatchObject({
      diagnostics: [
        {
          what: expect.stringContaining(`The program ${program} `),
          fix: expect.stringContaining(`install ${packageName})`),
        },
      ],
    });
  });

  test('.ko.gz needs no program', async () => {
    const file = write('toy.ko.gz', gzipSync(plain.whole));
    process.env.PATH = '';
    expect((await readModuleFile(file)).name).toBe('toy');
  });
});
